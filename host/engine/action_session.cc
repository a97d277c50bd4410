#include "host/engine/action_session.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/pipeline/chain_in_pass.h"
#include "host/runtime/pipeline/guided_denoiser.h"
#include "host/runtime/pipeline/model_services.h"
#include "host/runtime/pipeline/request_check.h"
#include "host/runtime/pipeline/sampling_choice.h"
#include "host/runtime/pipeline/sampling_pass.h"
#include "host/runtime/pipeline/start_picture.h"

namespace patchbay {
namespace {

constexpr int64_t kMostLatentPixels =
    4096;  // in one direction; CheckRequest() knows the real limit

patchbay_status Report(const absl::Status& status, patchbay_error* error) {
  if (!status.ok() && error != nullptr) {
    std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
  }
  return static_cast<patchbay_status>(status.code());
}

// The model is the action's for as long as this is there.
class Turn {
 public:
  explicit Turn(ActionObserver& observer) : observer_(observer), status_(observer.TakeModel()) {}
  ~Turn() {
    if (status_.ok()) observer_.GiveModelBack();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  const absl::Status& status() const { return status_; }

 private:
  ActionObserver& observer_;
  const absl::Status status_;
};

// Runs `work`, turning exceptions into a Status.
template <typename Result, typename Work>
Result Guarded(const Work& work) {
  try {
    const c10::AutoGradMode no_gradients(false);
    return work();
  } catch (const HookFailure& failure) {
    return failure.status();
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("LibTorch: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  }
}

}  // namespace

// Prompts, seeds and a pass of the chain's hooks.
struct ActionSession::Subject {
  Subject(const LoadedModel& model, const ModelInfo& info, const ModelHooks& hooks,
          const ConditioningRequest& text_request)
      : text(model.text, text_request), services(model, info, hooks) {
    services.ServeText(text, /*warnings=*/nullptr);
  }

  GenerationRequest request;
  std::vector<uint64_t> seeds;
  Conditioning conditioning;
  GuidedDenoiser::Sizes sizes;
  at::Tensor extra_channels;
  TextServices text;
  ModelServices services;
  std::unique_ptr<GuidedDenoiser> denoiser;
  std::unique_ptr<ChainInPass> pass;
};

// Lets others use the model between two runs of the denoiser. It is the action's at both ends.
class ActionSession::DrawingObserver final : public GenerationObserver {
 public:
  explicit DrawingObserver(ActionObserver& observer) : observer_(observer) {}

  void OnStep(int, int, int, double) override {}
  bool IsCancelled() override {
    if (observer_.IsCancelled()) return true;
    observer_.GiveModelBack();
    // Given back for good: the turn around the drawing finds nothing to give back.
    return !observer_.TakeModel().ok();
  }

 private:
  ActionObserver& observer_;
};

// The C functions; `host` of the patchbay_model is the session.
struct ActionSession::Functions {
  static ActionSession& Of(const patchbay_model* model) {
    return *static_cast<ActionSession*>(model->host);
  }

  template <typename Ask>
  static patchbay_status AskServices(ActionSession& session, ModelServices& services,
                                     patchbay_error* error, const Ask& ask) {
    const Turn turn(session.observer_);
    if (!turn.status().ok()) return Report(turn.status(), error);
    const c10::AutoGradMode no_gradients(false);
    return ask(services.plugins().front().model);
  }

  // What needs prompts.
  template <typename Ask>
  static patchbay_status AskJob(const patchbay_model* model, patchbay_error* error,
                                const Ask& ask) {
    ActionSession& session = Of(model);
    if (session.subject_ != nullptr) {
      return AskServices(session, session.subject_->services, error, ask);
    }
    return Report(absl::FailedPreconditionError(
                      "the action has not said with set_prompts() what this is about"),
                  error);
  }

  // What needs none.
  template <typename Ask>
  static patchbay_status AskModel(const patchbay_model* model, patchbay_error* error,
                                  const Ask& ask) {
    ActionSession& session = Of(model);
    ModelServices services(session.loaded_, session.info_, session.hooks_);
    const TextServices text(session.loaded_.text, {});
    services.ServeText(text, /*warnings=*/nullptr);
    return AskServices(session, services, error, ask);
  }

  static patchbay_status Denoise(const patchbay_model* model, const patchbay_evaluation* evaluation,
                                 patchbay_tensor* denoised, patchbay_error* error) {
    return AskJob(model, error, [&](const patchbay_model& inner) {
      return inner.functions->denoise(&inner, evaluation, denoised, error);
    });
  }
  static patchbay_status Noise(const patchbay_model* model, const int64_t* shape,
                               uint32_t dimensions, uint64_t draw, patchbay_tensor* noise,
                               patchbay_error* error) {
    return AskJob(model, error, [&](const patchbay_model& inner) {
      return inner.functions->noise(&inner, shape, dimensions, draw, noise, error);
    });
  }
  static patchbay_status Uniform(const patchbay_model* model, uint64_t draw, double* number) {
    return AskJob(model, nullptr, [&](const patchbay_model& inner) {
      return inner.functions->uniform(&inner, draw, number);
    });
  }
  static double SigmaOfTimestep(const patchbay_model* model, double timestep) {
    return Of(model).loaded_.schedule.SigmaAt(timestep);
  }
  static double TimestepOfSigma(const patchbay_model* model, double sigma) {
    return Of(model).loaded_.schedule.TimestepOf(sigma);
  }
  static patchbay_status EncodePicture(const patchbay_model* model, patchbay_tensor picture,
                                       patchbay_tensor* latent, patchbay_error* error) {
    return AskModel(model, error, [&](const patchbay_model& inner) {
      return inner.functions->encode_picture(&inner, picture, latent, error);
    });
  }
  static patchbay_status DecodeLatent(const patchbay_model* model, patchbay_tensor latent,
                                      patchbay_tensor* picture, patchbay_error* error) {
    return AskModel(model, error, [&](const patchbay_model& inner) {
      return inner.functions->decode_latent(&inner, latent, picture, error);
    });
  }
  static patchbay_status SetInpainting(const patchbay_model* model, patchbay_tensor mask,
                                       patchbay_tensor masked_latent, patchbay_error* error) {
    return AskJob(model, error, [&](const patchbay_model& inner) {
      return inner.functions->set_inpainting(&inner, mask, masked_latent, error);
    });
  }

  static patchbay_status AnnounceSteps(const patchbay_model* model, int64_t steps,
                                       patchbay_error* error) {
    return AskJob(model, error, [&](const patchbay_model& inner) {
      return inner.functions->announce_steps(&inner, steps, error);
    });
  }

  static patchbay_status EncodeText(const patchbay_model* model, const char* text,
                                    patchbay_row_role role, patchbay_tensor* hidden_states,
                                    patchbay_error* error) {
    return AskModel(model, error, [&](const patchbay_model& inner) {
      return inner.functions->encode_text(&inner, text, role, hidden_states, error);
    });
  }
  static patchbay_status PhrasePositions(const patchbay_model* model, const char* phrase,
                                         patchbay_tensor* positions, patchbay_error* error) {
    return AskJob(model, error, [&](const patchbay_model& inner) {
      return inner.functions->phrase_positions(&inner, phrase, positions, error);
    });
  }
  static const char* Prompt(const patchbay_model* model, uint32_t picture, patchbay_row_role role) {
    const ActionSession& session = Of(model);
    if (session.subject_ == nullptr) return nullptr;
    const std::string* const prompt = session.subject_->text.PromptOf(picture, role);
    return prompt == nullptr ? nullptr : prompt->c_str();
  }
  static patchbay_status Warn(const patchbay_model*, const char*, patchbay_error*) {
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

ActionSession::ActionSession(const LoadedModel& model, const ModelInfo& info,
                             const ModelHooks& hooks, ActionObserver& observer)
    : loaded_(model), info_(info), hooks_(hooks), observer_(observer) {
  model_ = {.struct_size = sizeof(patchbay_model),
            .info = &info.info(),
            .functions = &Functions::kTable,
            .host = this};
}

ActionSession::~ActionSession() = default;

absl::StatusOr<std::unique_ptr<ActionSession::Subject>> ActionSession::MakeSubject(
    const ActionPrompts& prompts) {
  ConditioningRequest text;
  text.prompts = prompts.prompts;
  if (std::any_of(prompts.negative_prompts.begin(), prompts.negative_prompts.end(),
                  [](const std::string& prompt) { return !prompt.empty(); })) {
    text.negative_prompts.assign(prompts.negative_prompts.begin(), prompts.negative_prompts.end());
  }
  auto subject = std::make_unique<Subject>(loaded_, info_, hooks_, text);
  const int64_t scale = loaded_.autoencoder->scale();
  const int64_t native = loaded_.description.native_size / scale;
  const int64_t height = prompts.latent_height == 0 ? native : prompts.latent_height;
  const int64_t width = prompts.latent_width == 0 ? native : prompts.latent_width;
  if (std::min(height, width) < 1 || std::max(height, width) > kMostLatentPixels) {
    return absl::InvalidArgumentError(
        absl::StrCat("latents of ", width, "x", height, " cannot be drawn"));
  }
  GenerationRequest& request = subject->request;
  request.batch = static_cast<int>(prompts.prompts.size());
  request.seed = prompts.seed;
  request.size = PictureSize{static_cast<int>(width * scale), static_cast<int>(height * scale)};
  // As in a job, no negative prompt at all is something else than empty ones for some models.
  const auto negative =
      std::find_if(prompts.negative_prompts.begin(), prompts.negative_prompts.end(),
                   [](const std::string& prompt) { return !prompt.empty(); });
  if (negative != prompts.negative_prompts.end()) request.negative_prompt = *negative;
  PATCHBAY_RETURN_IF_ERROR(CheckRequest(request, loaded_.description));
  for (uint64_t i = 0; i < prompts.prompts.size(); ++i) {
    subject->seeds.push_back(prompts.seed + i);
  }
  PATCHBAY_ASSIGN_OR_RETURN(subject->conditioning, EncodePrompts(loaded_.text, text));
  subject->sizes = SizesFor(loaded_, *request.size);
  if (TakesMask(loaded_)) {
    NoiseSource noise(request.compat, request.seed);
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor channels,
                              InpaintingChannels(request, StartPicture(), *request.size,
                                                 *loaded_.autoencoder, noise, /*is_cancelled=*/{}));
    subject->extra_channels = channels.repeat({request.batch, 1, 1, 1}).to(loaded_.compute.device);
  }
  subject->denoiser =
      std::make_unique<GuidedDenoiser>(*loaded_.unet, subject->conditioning, subject->sizes,
                                       subject->extra_channels, hooks_.denoiser.operators, &hooks_);
  PassDescription description;
  description.seeds = subject->seeds;
  const double last = static_cast<double>(loaded_.schedule.sigmas().size() - 1);
  description.sigmas = {loaded_.schedule.SigmaAt(last), 0.0};
  description.latent_height = height;
  description.latent_width = width;
  description.native_latent = native;
  subject->pass =
      std::make_unique<ChainInPass>(hooks_, std::move(description), subject->services.plugins());
  subject->services.ServeAction();
  subject->services.Serve(*subject->denoiser, *subject->pass, subject->seeds);
  return subject;
}

absl::Status ActionSession::SetPrompts(const ActionPrompts& prompts) {
  const Turn turn(observer_);
  PATCHBAY_RETURN_IF_ERROR(turn.status());
  return Guarded<absl::Status>([&]() -> absl::Status {
    subject_ = nullptr;  // ends its pass before the next begins
    PATCHBAY_ASSIGN_OR_RETURN(subject_, MakeSubject(prompts));
    subject_->pass->Begin(/*guidance_scale=*/1);
    return absl::OkStatus();
  });
}

absl::StatusOr<at::Tensor> ActionSession::Draw(const ActionPass& pass) {
  if (subject_ == nullptr) {
    return absl::FailedPreconditionError("the action has not said with set_prompts() what to draw");
  }
  GenerationRequest request = subject_->request;
  request.steps = pass.step_count;
  request.sampler = pass.sampler;
  request.schedule = pass.schedule;
  request.guidance_scale = pass.guidance_scale;
  PATCHBAY_RETURN_IF_ERROR(CheckRequest(request, loaded_.description));
  const Turn turn(observer_);
  PATCHBAY_RETURN_IF_ERROR(turn.status());
  return Guarded<absl::StatusOr<at::Tensor>>([&]() -> absl::StatusOr<at::Tensor> {
    PATCHBAY_ASSIGN_OR_RETURN(const SamplingChoice choice,
                              ChooseSampling(request, loaded_.schedule.config()));
    DrawingObserver drawing(observer_);
    NoiseSource noise(request.compat, request.seed);
    GenerationReport report;
    SamplingPass::Task task;
    task.size = *request.size;
    task.steps = request.steps;
    return SamplingPass(loaded_, request, choice, subject_->conditioning, subject_->text,
                        hooks_.denoiser.operators, &hooks_, drawing, noise, report)
        .Run(task);
  });
}

}  // namespace patchbay
