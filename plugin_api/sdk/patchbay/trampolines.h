#ifndef PATCHBAY_SDK_TRAMPOLINES_H_
#define PATCHBAY_SDK_TRAMPOLINES_H_

#include <type_traits>
#include <utility>

#include "patchbay/abi/hooks.h"
#include "patchbay/error.h"
#include "patchbay/step.h"

namespace patchbay {

// The positions that tokens stand for, row by row: T = height * width.
struct Grid {
  int64_t height = 0;
  int64_t width = 0;
};

// One attention, between its projections and its output projection.
struct AttentionCall {
  explicit AttentionCall(const patchbay_attention& given)
      : grid{given.grid.height, given.grid.width},
        heads(given.heads),
        query(sdk::borrow(given.query)),
        key(sdk::borrow(given.key)),
        value(sdk::borrow(given.value)),
        tokens(sdk::borrow(given.tokens)),
        attended(sdk::borrow_optional(given.attended)) {}

  Grid grid;  // of the queries
  int64_t heads;
  Tensor query;     // [B, T, heads * width]
  Tensor key;       // [B, S, heads * width]
  Tensor value;     // [B, S, heads * width]
  Tensor tokens;    // [B, T, C], what the query was projected from
  Tensor attended;  // [B, T, heads * width]; undefined in replace
};

struct Size {
  int64_t height = 0;
  int64_t width = 0;
};

// What an upsampler enlarges to, before its convolution.
struct UpsampleTarget {
  Size size;
  patchbay_resize_mode mode = PATCHBAY_RESIZE_NEAREST;
};

// Both may be undefined: that one stays as it was.
struct Join {
  Tensor below;
  Tensor skip;
};

// What one evaluation of the denoiser gives, as clean latents.
struct Denoised {
  Tensor cond;
  Tensor uncond;  // undefined where it is not needed
};

// The evaluation that a denoise hook stands around.
class InnerDenoise {
 public:
  explicit InnerDenoise(const patchbay_inner_denoise* inner) : inner_(inner) {}

  Denoised operator()(const Tensor& latent) const {
    return ask(latent, [&](patchbay_tensor lent, patchbay_denoised* result, patchbay_error* error) {
      return inner_->call(inner_->host, lent, result, error);
    });
  }
  // For some of the pictures alone: those from `first` on, as many as `latent` has. Draft.
  Denoised pictures(const Tensor& latent, int64_t first) const {
    return ask(latent, [&](patchbay_tensor lent, patchbay_denoised* result, patchbay_error* error) {
      return inner_->call_pictures(inner_->host, lent, first, result, error);
    });
  }

 private:
  template <class Ask>
  static Denoised ask(const Tensor& latent, const Ask& function) {
    sdk::HostCall call;
    patchbay_denoised result{};
    result.struct_size = sizeof(result);
    const patchbay_tensor handle = sdk::give(latent);
    const patchbay_status status = function(handle, &result, call.error());
    sdk::adopt(handle);
    call.check(status);
    return {sdk::adopt(result.conditional),
            result.unconditional == nullptr ? Tensor() : sdk::adopt(result.unconditional)};
  }

  const patchbay_inner_denoise* inner_;
};

// What an author's function is to the C ABI: one struct for each function type of abi/hooks.h,
// whose call() hands the arguments on as the SDK's types.
namespace sdk {

template <class Function>
const Function& function_in(void* data) {
  return *static_cast<const Function*>(data);
}

// void f(Step, Tensor& latent)
template <class Function>
struct LatentEdit {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor latent,
                              patchbay_tensor* edited) noexcept {
    return guard(call->error, [&] {
      Tensor x = borrow(latent);
      function_in<Function>(data)(Step(*call), x);
      *edited = give(x);
    });
  }
};

// double f(Step, double scale)
template <class Function>
struct GuidanceScale {
  static patchbay_status call(void* data, const patchbay_call* call, double* scale) noexcept {
    return guard(call->error, [&] { *scale = function_in<Function>(data)(Step(*call), *scale); });
  }
};

// Tensor f(Step, Guidance)
template <class Function>
struct GuidanceEdit {
  static patchbay_status call(void* data, const patchbay_call* call,
                              const patchbay_prediction_set* predictions,
                              patchbay_tensor* guided) noexcept {
    return guard(call->error, [&] {
      *guided = give_optional(function_in<Function>(data)(Step(*call), Prediction(*predictions)));
    });
  }
};

// void or Next f(Step, Tensor& latent, Prediction last)
template <class Function>
struct AfterStep {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor latent,
                              const patchbay_prediction_set* last, patchbay_tensor* edited,
                              patchbay_next_step* next) noexcept {
    return guard(call->error, [&] {
      const Function& function = function_in<Function>(data);
      Tensor x = borrow(latent);
      const Prediction prediction(*last);
      if constexpr (std::is_void_v<
                        std::invoke_result_t<const Function&, Step, Tensor&, Prediction>>) {
        function(Step(*call), x, prediction);
      } else {
        const Next wanted = function(Step(*call), x, prediction);
        if (wanted.jumps) next->index = wanted.index;
      }
      *edited = give(x);
    });
  }
};

// Denoised f(Step, Tensor latent, InnerDenoise)
template <class Function>
struct DenoiseWrap {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor latent,
                              const patchbay_inner_denoise* inner,
                              patchbay_denoised* denoised) noexcept {
    return guard(call->error, [&] {
      const Denoised result =
          function_in<Function>(data)(Step(*call), borrow(latent), InnerDenoise(inner));
      denoised->conditional = give(result.cond);
      denoised->unconditional = give_optional(result.uncond);
    });
  }
};

// Tensor f(Step, Grid, Tensor tokens)
template <class Function>
struct TokenEdit {
  static patchbay_status call(void* data, const patchbay_call* call, const patchbay_grid* grid,
                              patchbay_tensor tokens, patchbay_tensor* edited) noexcept {
    return guard(call->error, [&] {
      *edited = give_optional(function_in<Function>(data)(
          Step(*call), Grid{grid->height, grid->width}, borrow(tokens)));
    });
  }
};

// Tensor f(Step, AttentionCall), or void for an observer
template <class Function>
struct Attend {
  static patchbay_status call(void* data, const patchbay_call* call,
                              const patchbay_attention* attention,
                              patchbay_tensor* result) noexcept {
    return guard(call->error, [&] {
      const Function& function = function_in<Function>(data);
      if constexpr (std::is_void_v<std::invoke_result_t<const Function&, Step, AttentionCall>>) {
        function(Step(*call), AttentionCall(*attention));
      } else {
        *result = give_optional(function(Step(*call), AttentionCall(*attention)));
      }
    });
  }
};

// Tensor f(Step, Tensor features)
template <class Function>
struct FeatureEdit {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor features,
                              patchbay_tensor* edited) noexcept {
    return guard(call->error, [&] {
      *edited = give_optional(function_in<Function>(data)(Step(*call), borrow(features)));
    });
  }
};

// Join f(Step, Tensor below, Tensor skip)
template <class Function>
struct JoinEdit {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor below,
                              patchbay_tensor skip, patchbay_tensor* edited_below,
                              patchbay_tensor* edited_skip) noexcept {
    return guard(call->error, [&] {
      const Join joined = function_in<Function>(data)(Step(*call), borrow(below), borrow(skip));
      *edited_below = give_optional(joined.below);
      *edited_skip = give_optional(joined.skip);
    });
  }
};

// ConvolutionGeometry f(Step, ConvolutionGeometry)
template <class Function>
struct GeometryEdit {
  static patchbay_status call(void* data, const patchbay_call* call,
                              patchbay_convolution_geometry* geometry) noexcept {
    return guard(call->error, [&] {
      const ConvolutionGeometry edited = function_in<Function>(data)(
          Step(*call),
          ConvolutionGeometry{geometry->stride, geometry->padding, geometry->dilation});
      geometry->stride = edited.stride;
      geometry->padding = edited.padding;
      geometry->dilation = edited.dilation;
    });
  }
};

// UpsampleTarget f(Step, Size input, UpsampleTarget)
template <class Function>
struct UpsampleEdit {
  static patchbay_status call(void* data, const patchbay_call* call, const int64_t input_size[2],
                              patchbay_upsample_target* target) noexcept {
    return guard(call->error, [&] {
      const UpsampleTarget edited = function_in<Function>(data)(
          Step(*call), Size{input_size[0], input_size[1]},
          UpsampleTarget{{target->height, target->width}, target->mode});
      target->height = edited.size.height;
      target->width = edited.size.width;
      target->mode = edited.mode;
    });
  }
};

// Tensor f(Step, Tensor input, Tensor output), or void for an observer. In replace, the output is
// undefined.
template <class Function>
struct OperatorCall {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_tensor input,
                              patchbay_tensor output, patchbay_tensor* edited) noexcept {
    return guard(call->error, [&] {
      const Function& function = function_in<Function>(data);
      const Tensor result = borrow_optional(output);
      if constexpr (std::is_void_v<std::invoke_result_t<const Function&, Step, Tensor, Tensor>>) {
        function(Step(*call), borrow(input), result);
      } else {
        *edited = give_optional(function(Step(*call), borrow(input), result));
      }
    });
  }
};

// Tensor f(Step, patchbay_row_role, Tensor hidden_states)
template <class Function>
struct ConditioningEdit {
  static patchbay_status call(void* data, const patchbay_call* call, patchbay_row_role role,
                              patchbay_tensor hidden_states, patchbay_tensor* edited) noexcept {
    return guard(call->error, [&] {
      *edited =
          give_optional(function_in<Function>(data)(Step(*call), role, borrow(hidden_states)));
    });
  }
};

// Pass f(Step)
template <class Function>
struct BeginPass {
  static patchbay_status call(void* data, const patchbay_call* call, void** state) noexcept {
    return guard(call->error, [&] {
      using Pass = std::invoke_result_t<const Function&, Step>;
      auto box = std::make_unique<PassStateBox>();
      box->object = new Pass(function_in<Function>(data)(Step(*call)));
      box->type = &TypeMark<Pass>::mark;
      box->destroy = [](void* object) { delete static_cast<Pass*>(object); };
      *state = box.release();
    });
  }
};

template <class Function>
struct EndPass {
  static void call(void* /*data*/, void* state) noexcept {
    delete static_cast<PassStateBox*>(state);
  }
};

}  // namespace sdk
}  // namespace patchbay

#endif  // PATCHBAY_SDK_TRAMPOLINES_H_
