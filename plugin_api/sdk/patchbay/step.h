#ifndef PATCHBAY_SDK_STEP_H_
#define PATCHBAY_SDK_STEP_H_

#include <string>
#include <vector>

#include "patchbay/abi/hooks.h"
#include "patchbay/abi_struct.h"
#include "patchbay/error.h"
#include "patchbay/tensor_tier.h"

namespace patchbay {

namespace sdk {

// Tells the types of pass states apart within one plugin.
template <class T>
struct TypeMark {
  static constexpr char mark = 0;
};

// What begin_pass leaves with the host: a pass state and how to end it.
struct PassStateBox {
  const void* type = nullptr;
  void* object = nullptr;
  void (*destroy)(void* object) = nullptr;
  ~PassStateBox() {
    if (destroy != nullptr) destroy(object);
  }
};

}  // namespace sdk

// What the network is asked for beside the sampler's own calls; see Model::denoise.
struct Evaluation {
  Tensor latent;  // [B, C, h, w]; for PATCHBAY_ROW_OTHER also [1, C, h, w]
  double sigma = 0;
  patchbay_row_role role = PATCHBAY_ROW_CONDITIONAL;
  Tensor text = Tensor();  // for PATCHBAY_ROW_OTHER: [1 or B, T, text features]
  uint32_t overlay = 0;    // Overlay::number()
  // In actions: whether the result carries LibTorch's graph back to the plugin's own tensors. Take
  // the gradients while the action runs: what the model did not keep for them it computes again.
  bool with_gradients = false;
};

// What a hook may ask of the model. Valid during the call only.
class Model {
 public:
  explicit Model(const patchbay_model* model) : model_(model) {}

  const patchbay_model_info& info() const { return *model_->info; }

  // The network's idea of the clean latent, [B, C, h, w], fp32.
  Tensor denoise(const Evaluation& evaluation) const {
    patchbay_evaluation request{};
    request.struct_size = sizeof(request);
    Handle latent(evaluation.latent);
    Handle text(evaluation.text);
    request.latent = latent.get();
    request.sigma = evaluation.sigma;
    request.role = evaluation.role;
    request.text = text.get();
    request.overlay = evaluation.overlay;
    if (evaluation.with_gradients) request.flags |= PATCHBAY_EVALUATE_WITH_GRADIENTS;
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->denoise(model_, &request, result, error);
    });
  }

  // Standard normal noise that depends on the job's seeds, the step, this plugin and `draw` only.
  // shape[0] is the number of pictures.
  Tensor noise(const std::vector<int64_t>& shape, uint64_t draw = 0) const {
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->noise(model_, shape.data(), static_cast<uint32_t>(shape.size()),
                                      draw, result, error);
    });
  }
  // A number in [0, 1) of the same kind.
  double uniform(uint64_t draw = 0) const {
    double number = 0;
    sdk::HostCall().check(model_->functions->uniform(model_, draw, &number));
    return number;
  }

  double sigma_of_timestep(double timestep) const {
    return model_->functions->sigma_of_timestep(model_, timestep);
  }
  double timestep_of_sigma(double sigma) const {
    return model_->functions->timestep_of_sigma(model_, sigma);
  }

  // [B, 3, H, W] in -1..1 to [B, C, h, w] and back.
  Tensor encode_picture(const Tensor& picture) const {
    Handle handle(picture);
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->encode_picture(model_, handle.get(), result, error);
    });
  }
  Tensor decode_latent(const Tensor& latent) const {
    Handle handle(latent);
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->decode_latent(model_, handle.get(), result, error);
    });
  }

  // Whether the network is told what it paints and what it keeps.
  bool takes_mask() const { return (info().flags & PATCHBAY_MODEL_INPAINTING) != 0; }
  // Tells such a network of it, from its next run in this pass on. mask: [1 or B, 1, h, w], 1 where
  // it is to paint; masked_latent: [1 or B, C, h, w], of the picture with 0 there.
  void set_inpainting(const Tensor& mask, const Tensor& masked_latent) const {
    Handle mask_handle(mask);
    Handle latent_handle(masked_latent);
    sdk::HostCall call;
    call.check(model_->functions->set_inpainting(model_, mask_handle.get(), latent_handle.get(),
                                                 call.error()));
  }

  // How many steps the pass will make in all, where the plugin makes the sampler go back.
  void announce_steps(int64_t steps) const {
    sdk::HostCall call;
    call.check(model_->functions->announce_steps(model_, steps, call.error()));
  }

  // A text's hidden states, [1, T, text features], as the job's prompt is encoded, or its negative.
  // Draft.
  Tensor encode_text(const std::string& text,
                     patchbay_row_role role = PATCHBAY_ROW_CONDITIONAL) const {
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->encode_text(model_, text.c_str(), role, result, error);
    });
  }
  // Where the prompts have a phrase: [conditional rows, T], 1 at its tokens, else 0. Draft.
  Tensor phrase_positions(const std::string& phrase) const {
    return ask([&](patchbay_tensor* result, patchbay_error* error) {
      return model_->functions->phrase_positions(model_, phrase.c_str(), result, error);
    });
  }
  // A picture's prompt as it was written. Draft.
  std::string prompt(uint32_t picture = 0,
                     patchbay_row_role role = PATCHBAY_ROW_CONDITIONAL) const {
    const char* const text = model_->functions->prompt(model_, picture, role);
    return text == nullptr ? "" : text;
  }
  // Adds a sentence to the warnings of the job's report. Draft.
  void warn(const std::string& text) const {
    sdk::HostCall call;
    call.check(model_->functions->warn(model_, text.c_str(), call.error()));
  }

 private:
  // A handle that ends with the scope.
  class Handle {
   public:
    explicit Handle(const Tensor& tensor) : handle_(sdk::give_optional(tensor)) {}
    ~Handle() {
      if (handle_ != nullptr) sdk::adopt(handle_);
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    patchbay_tensor get() const { return handle_; }

   private:
    patchbay_tensor handle_;
  };

  template <class Ask>
  static Tensor ask(const Ask& function) {
    sdk::HostCall call;
    patchbay_tensor result = nullptr;
    call.check(function(&result, call.error()));
    return sdk::adopt(result);
  }

  const patchbay_model* model_;
};

// How a convolution moves over its input, the same in both directions.
struct ConvolutionGeometry {
  int64_t stride = 1;
  int64_t padding = 0;
  int64_t dilation = 1;
};

// Where in a job a hook is called: the fields of patchbay_step (abi/step.h), this pass's state, and
// the model. Valid during the call only.
struct Step : patchbay_step {
  explicit Step(const patchbay_call& call)
      : patchbay_step(sdk::copy_prefix(*call.step)), call_(&call) {}

  // How much of the pass is done: 0 at the first step.
  double fraction() const { return step_count > 0 ? static_cast<double>(index) / step_count : 0.0; }
  bool is_main() const { return evaluation_kind == PATCHBAY_EVALUATION_MAIN; }

  Model model() const { return Model(call_->model); }

  // In operator hooks on convolutions: how this call computes. Throws in others.
  ConvolutionGeometry geometry() const {
    const patchbay_convolution_geometry* given = call_->geometry;
    if (given == nullptr) {
      throw Error("only an operator hook on a convolution has a geometry", PATCHBAY_INTERNAL);
    }
    return {given->stride, given->padding, given->dilation};
  }

  // The state of this pass, made by Attach::begin_pass or Attach::pass_state.
  template <class Pass>
  Pass& state() const {
    const auto* box = static_cast<const sdk::PassStateBox*>(call_->pass_state);
    if (box == nullptr || box->type != &sdk::TypeMark<Pass>::mark) {
      throw Error("the plugin asks for a pass state that its attach() has not declared",
                  PATCHBAY_INTERNAL);
    }
    return *static_cast<Pass*>(box->object);
  }

 private:
  const patchbay_call* call_;
};

// Where the sampler goes after a step.
struct Next {
  static Next go_on() { return {}; }
  // To step `index` of the pass; the latent must be at that step's noise level.
  static Next to(int32_t index) { return {index, true}; }
  int32_t index = 0;
  bool jumps = false;
};

// The network's predictions for one latent, as clean latents, [B, C, h, w] each.
struct Prediction {
  explicit Prediction(const patchbay_prediction_set& given)
      : latent(sdk::borrow(given.latent)),
        sigma(given.sigma),
        cond(sdk::borrow(given.conditional)),
        uncond(sdk::borrow_optional(given.unconditional)),
        guided(sdk::borrow(given.guided)),
        scale(given.guidance_scale) {}

  Tensor latent;  // what was asked about
  double sigma;   // its noise level
  Tensor cond;
  Tensor uncond;  // undefined where it was not computed; see Attach::require_unconditional
  Tensor guided;
  double scale;  // the guidance scale
};
using Guidance = Prediction;

}  // namespace patchbay

#endif  // PATCHBAY_SDK_STEP_H_
