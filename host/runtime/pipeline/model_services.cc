#include "host/runtime/pipeline/model_services.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/hooks/tensor_handle.h"
#include "host/runtime/pipeline/start_picture.h"
#include "host/runtime/prompt/unicode.h"
#include "host/runtime/sampling/keyed_noise.h"

namespace patchbay {
namespace {

// A plugin that was built before there were flags has none.
uint32_t FlagsOf(const patchbay_evaluation& evaluation) {
  constexpr size_t kWithFlags = offsetof(patchbay_evaluation, flags) + sizeof(uint32_t);
  return evaluation.struct_size < kWithFlags ? 0 : evaluation.flags;
}

patchbay_status Report(const absl::Status& status, patchbay_error* error) {
  if (!status.ok() && error != nullptr) {
    std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
  }
  return static_cast<patchbay_status>(status.code());
}

// Runs `work`, which gives a tensor, for a plugin: no exception reaches it.
template <typename Work>
patchbay_status Answer(patchbay_tensor* result, patchbay_error* error, const Work& work) {
  try {
    const absl::StatusOr<at::Tensor> tensor = work();
    if (!tensor.ok()) return Report(tensor.status(), error);
    *result = NewHandle(*tensor);
    return PATCHBAY_OK;
  } catch (const HookFailure& failure) {
    return Report(failure.status(), error);
  } catch (const c10::Error& failure) {
    return Report(absl::InvalidArgumentError(failure.what_without_backtrace()), error);
  } catch (const std::exception& failure) {
    return Report(absl::InternalError(failure.what()), error);
  }
}

// What an autoencoder gives; undefined: the job was cancelled meanwhile.
absl::StatusOr<at::Tensor> Whole(at::Tensor tensor) {
  if (!tensor.defined()) return absl::CancelledError("cancelled");
  return tensor;
}

}  // namespace

// The C functions; `host` of each plugin's patchbay_model is its PluginSide.
struct ModelServices::Functions {
  static PluginSide& SideOf(const patchbay_model* model) {
    return *static_cast<PluginSide*>(model->host);
  }

  // While it is there the host computes what a plugin has asked for.
  class HostSection {
   public:
    explicit HostSection(const patchbay_model* model)
        : side_(SideOf(model)), hooks_(side_.services->hooks_) {
      const ChainInPass* const chain = side_.services->chain_;
      if (hooks_.host_begins) hooks_.host_begins(chain == nullptr ? 0 : chain->at().step.index);
    }
    ~HostSection() {
      side_.host_time += std::chrono::steady_clock::now() - started_;
      if (hooks_.host_ends) hooks_.host_ends();
    }
    HostSection(const HostSection&) = delete;
    HostSection& operator=(const HostSection&) = delete;

   private:
    PluginSide& side_;
    const ModelHooks& hooks_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  };

  static patchbay_status Denoise(const patchbay_model* model, const patchbay_evaluation* evaluation,
                                 patchbay_tensor* denoised, patchbay_error* error) {
    const HostSection host_section(model);
    return Answer(denoised, error, [&] { return SideOf(model).services->Denoise(*evaluation); });
  }

  static NoiseKey KeyFor(const patchbay_model* model, uint64_t draw) {
    const PluginSide& side = SideOf(model);
    return {side.services->chain_->at().step.index, *side.id, draw};
  }

  static patchbay_status Noise(const patchbay_model* model, const int64_t* shape,
                               uint32_t dimensions, uint64_t draw, patchbay_tensor* noise,
                               patchbay_error* error) {
    return Answer(noise, error, [&]() -> absl::StatusOr<at::Tensor> {
      const absl::Span<const uint64_t> seeds = SideOf(model).services->seeds_;
      if (dimensions == 0 || shape[0] != static_cast<int64_t>(seeds.size())) {
        return absl::InvalidArgumentError(absl::StrCat(
            "noise must be asked for with the number of pictures, ", seeds.size(), ", first"));
      }
      return KeyedNoise(seeds, KeyFor(model, draw), {shape + 1, dimensions - 1});
    });
  }

  static patchbay_status Uniform(const patchbay_model* model, uint64_t draw, double* number) {
    *number = KeyedUniform(SideOf(model).services->seeds_.front(), KeyFor(model, draw));
    return PATCHBAY_OK;
  }

  static double SigmaOfTimestep(const patchbay_model* model, double timestep) {
    return SideOf(model).services->model_.schedule.SigmaAt(timestep);
  }
  static double TimestepOfSigma(const patchbay_model* model, double sigma) {
    return SideOf(model).services->model_.schedule.TimestepOf(sigma);
  }

  static patchbay_status EncodePicture(const patchbay_model* model, patchbay_tensor picture,
                                       patchbay_tensor* latent, patchbay_error* error) {
    const HostSection host_section(model);
    return Answer(latent, error, [&]() -> absl::StatusOr<at::Tensor> {
      const ModelServices& services = *SideOf(model).services;
      return Whole(services.model_.autoencoder->Encode(Borrowed(picture), /*noise=*/{},
                                                       services.AutoencoderOptionsOfJob()));
    });
  }
  static patchbay_status DecodeLatent(const patchbay_model* model, patchbay_tensor latent,
                                      patchbay_tensor* picture, patchbay_error* error) {
    const HostSection host_section(model);
    return Answer(picture, error, [&]() -> absl::StatusOr<at::Tensor> {
      const ModelServices& services = *SideOf(model).services;
      return Whole(services.model_.autoencoder->Decode(Borrowed(latent),
                                                       services.AutoencoderOptionsOfJob()));
    });
  }

  static patchbay_status SetInpainting(const patchbay_model* model, patchbay_tensor mask,
                                       patchbay_tensor masked_latent, patchbay_error* error) {
    try {
      const PluginSide& side = SideOf(model);
      return Report(side.services->SetInpainting(side, Borrowed(mask), Borrowed(masked_latent)),
                    error);
    } catch (const std::exception& failure) {
      return Report(absl::InternalError(failure.what()), error);
    }
  }

  static patchbay_status AnnounceSteps(const patchbay_model* model, int64_t steps,
                                       patchbay_error* error) {
    return Report(SideOf(model).services->AnnounceSteps(steps), error);
  }

  static patchbay_status EncodeText(const patchbay_model* model, const char* text,
                                    patchbay_row_role role, patchbay_tensor* hidden_states,
                                    patchbay_error* error) {
    const HostSection host_section(model);
    return Answer(hidden_states, error, [&]() -> absl::StatusOr<at::Tensor> {
      const ModelServices& services = *SideOf(model).services;
      return services.text_->Encode(text, role, services.call_);
    });
  }
  static patchbay_status PhrasePositions(const patchbay_model* model, const char* phrase,
                                         patchbay_tensor* positions, patchbay_error* error) {
    return Answer(positions, error,
                  [&] { return SideOf(model).services->PhrasePositions(phrase); });
  }
  static const char* Prompt(const patchbay_model* model, uint32_t picture, patchbay_row_role role) {
    const std::string* const prompt = SideOf(model).services->text_->PromptOf(picture, role);
    return prompt == nullptr ? nullptr : prompt->c_str();
  }
  static patchbay_status Warn(const patchbay_model* model, const char* text,
                              patchbay_error* /*error*/) {
    const PluginSide& side = SideOf(model);
    side.services->Warn(side, text);
    return PATCHBAY_OK;
  }

  static constexpr patchbay_model_functions kTable = {
      .struct_size = sizeof(patchbay_model_functions),
      .denoise = &Denoise,
      .noise = &Noise,
      .uniform = &Uniform,
      .sigma_of_timestep = &SigmaOfTimestep,
      .timestep_of_sigma = &TimestepOfSigma,
      .encode_picture = &EncodePicture,
      .decode_latent = &DecodeLatent,
      .set_inpainting = &SetInpainting,
      .announce_steps = &AnnounceSteps,
      .encode_text = &EncodeText,
      .phrase_positions = &PhrasePositions,
      .prompt = &Prompt,
      .warn = &Warn,
  };
};

ModelServices::ModelServices(const LoadedModel& model, const ModelInfo& info,
                             const ModelHooks& hooks)
    : model_(model), info_(info), hooks_(hooks), preconditioning_(model.schedule.config()) {
  for (const std::string& id : hooks.plugin_ids) sides_.push_back({this, &id});
}

std::vector<PluginInPass> ModelServices::plugins() {
  std::vector<PluginInPass> plugins;
  for (PluginSide& side : sides_) {
    plugins.push_back({.pass_state = nullptr,
                       .model = {.struct_size = sizeof(patchbay_model),
                                 .info = &info_.info(),
                                 .functions = &Functions::kTable,
                                 .host = &side},
                       .host_time = &side.host_time});
  }
  return plugins;
}

void ModelServices::Serve(GuidedDenoiser& denoiser, const ChainInPass& chain,
                          absl::Span<const uint64_t> seeds) {
  denoiser_ = &denoiser;
  is_cancelled_ = denoiser.cancellation();
  chain_ = &chain;
  seeds_ = seeds;
}

AutoencoderOptions ModelServices::AutoencoderOptionsOfJob() const {
  AutoencoderOptions options;
  options.is_cancelled = is_cancelled_;
  return options;
}

absl::StatusOr<at::Tensor> ModelServices::Denoise(const patchbay_evaluation& evaluation) {
  const bool with_gradients = (FlagsOf(evaluation) & PATCHBAY_EVALUATE_WITH_GRADIENTS) != 0;
  if (with_gradients && !serves_action_) {
    return absl::FailedPreconditionError("denoise() gives gradients in actions only");
  }
  const c10::AutoGradMode gradients(with_gradients);
  const at::Tensor latent = Borrowed(evaluation.latent).to(at::kFloat);
  const auto pictures = static_cast<int64_t>(seeds_.size());
  const bool is_other =
      evaluation.role != PATCHBAY_ROW_CONDITIONAL && evaluation.role != PATCHBAY_ROW_UNCONDITIONAL;
  const bool is_one = is_other && latent.dim() == 4 && latent.size(0) == 1;
  if (latent.dim() != 4 || (latent.size(0) != pictures && !is_one)) {
    return absl::InvalidArgumentError(absl::StrCat("denoise() takes a latent [", pictures,
                                                   is_other ? " or 1" : "", ", C, h, w]"));
  }
  // At the sampler's own level the network is told what the sampler tells it.
  const patchbay_step& now = chain_->InNetwork().step;
  const double timestep =
      evaluation.sigma == now.sigma ? now.timestep : model_.schedule.TimestepOf(evaluation.sigma);
  patchbay_step step = chain_->AuxiliaryStep(evaluation.sigma, timestep, evaluation.overlay);
  step.picture_count = static_cast<uint32_t>(latent.size(0));
  const Evaluation at{step, chain_->plugins()};
  GuidedDenoiser::Request request;
  request.sample = latent.to(model_.compute.device) * preconditioning_.InputScale(evaluation.sigma);
  request.timestep = timestep;
  request.guidance_scale = 1;
  request.call = call_;
  request.evaluation = &at;
  request.forgets_text = serves_action_;
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor output, RunRole(request, evaluation));
  return preconditioning_.Denoised(latent, output.cpu(), evaluation.sigma);
}

absl::Status ModelServices::AnnounceSteps(int64_t steps) {
  const int32_t planned = chain_->at().step.step_count;
  if (steps < planned || steps > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(
        absl::StrCat(steps, " steps cannot be announced for a pass of ", planned));
  }
  announced_steps_ = steps;
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> ModelServices::PhrasePositions(std::string_view phrase) const {
  return text_->PhrasePositions(phrase, call_, denoiser_->PromptLength(call_));
}

void ModelServices::Warn(const PluginSide& side, std::string_view text) const {
  if (warnings_ == nullptr) return;
  // Plugins quote, and may cut within a character.
  std::string warning = absl::StrCat(*side.id, ": ", ReplaceMalformedUtf8(text));
  if (std::find(warnings_->begin(), warnings_->end(), warning) == warnings_->end()) {
    warnings_->push_back(std::move(warning));
  }
}

absl::Status ModelServices::SetInpainting(const PluginSide& side, const at::Tensor& mask,
                                          const at::Tensor& masked_latent) {
  if (!TakesMask(model_)) {
    return absl::FailedPreconditionError("this model takes no mask; it is not made for inpainting");
  }
  if (tells_inpainting_ != nullptr && *tells_inpainting_ != *side.id) {
    return absl::FailedPreconditionError(
        absl::StrCat("the plugin ", *tells_inpainting_,
                     " tells the model what to paint already; use one of the two"));
  }
  const patchbay_step& step = chain_->at().step;
  const auto batch = static_cast<int64_t>(seeds_.size());
  const auto shaped = [&](const at::Tensor& tensor, int64_t channels) {
    return tensor.dim() == 4 && (tensor.size(0) == 1 || tensor.size(0) == batch) &&
           tensor.size(1) == channels && tensor.size(2) == step.latent_height &&
           tensor.size(3) == step.latent_width;
  };
  const int64_t channels = model_.autoencoder->latent_channels();
  if (!shaped(mask, 1) || !shaped(masked_latent, channels)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "set_inpainting() takes a mask [1 or ", batch, ", 1, ", step.latent_height, ", ",
        step.latent_width, "] and a latent of that size with ", channels, " channels"));
  }
  const auto told = [&](const at::Tensor& tensor) {
    return tensor.to(model_.compute.device, at::kFloat).expand({batch, -1, -1, -1});
  };
  denoiser_->SetExtraChannels(at::cat({told(mask), told(masked_latent)}, 1));
  tells_inpainting_ = side.id;
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> ModelServices::RunRole(const GuidedDenoiser::Request& request,
                                                  const patchbay_evaluation& evaluation) {
  switch (evaluation.role) {
    case PATCHBAY_ROW_UNCONDITIONAL:
      return denoiser_->RunNegative(request);
    case PATCHBAY_ROW_CONDITIONAL: {
      PATCHBAY_ASSIGN_OR_RETURN(GuidedOutput output, denoiser_->Run(request));
      return output.guided;
    }
    default:
      if (evaluation.text == nullptr) {
        return absl::InvalidArgumentError("denoise() with another role needs a text");
      }
      return denoiser_->RunText(request, Borrowed(evaluation.text).to(model_.compute.device));
  }
}

}  // namespace patchbay
