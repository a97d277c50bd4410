#include "host/runtime/pipeline/generation_job.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "host/base/status_macros.h"
#include "host/base/stopwatch.h"
#include "host/runtime/pipeline/infotext.h"
#include "host/runtime/pipeline/inpainting_pictures.h"
#include "host/runtime/pipeline/picture_tensor.h"
#include "host/runtime/pipeline/request_check.h"
#include "host/runtime/pipeline/unused_settings.h"

namespace patchbay {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// How many times a step evaluates the denoiser.
int EvaluationsPerStep(const std::string& sampler) {
  for (const char* name : {"heun", "dpm2", "dpm2_a", "dpmpp_2s_a", "dpmpp_sde"}) {
    if (sampler == name) return 2;
  }
  return 1;
}

TextModel WithPatches(const TextModel& text, const LoraPatches& loras) {
  TextModel patched = text;
  for (size_t i = 0; i < std::min(patched.encoders.size(), loras.text_encoders.size()); ++i) {
    patched.encoders[i].operators = loras.text_encoders[i];
  }
  return patched;
}

LatentBuffer BufferOf(const at::Tensor& latents) {
  const at::Tensor plain = latents.to(at::kFloat).contiguous();
  LatentBuffer buffer;
  buffer.shape = plain.sizes().vec();
  buffer.values.assign(plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel());
  return buffer;
}

}  // namespace

absl::StatusOr<GenerationResult> GeneratePictures(const LoadedModel& model,
                                                  const LoraPatches& loras, const ModelHooks* hooks,
                                                  const GenerationRequest& request,
                                                  const ResolvedPrompts& prompts,
                                                  GenerationObserver& observer) {
  try {
    return GenerationJob(model, loras, hooks, request, prompts, observer).Run();
  } catch (const HookFailure& failure) {
    return failure.status();
  }
}

GenerationJob::GenerationJob(const LoadedModel& model, const LoraPatches& loras,
                             const ModelHooks* hooks, const GenerationRequest& request,
                             const ResolvedPrompts& prompts, GenerationObserver& observer)
    : model_(model),
      loras_(loras),
      hooks_(hooks),
      operators_(hooks == nullptr ? loras.unet
                                  : OperatorTable::Nest(hooks->denoiser.operators, loras.unet)),
      request_(request),
      prompts_(prompts),
      observer_(observer),
      noise_(request.compat, request.seed),
      cancellation_([&observer] { return observer.IsCancelled(); }),
      text_(WithPatches(model.text, loras)) {}

absl::StatusOr<GenerationResult> GenerationJob::Run() {
  const auto started = Clock::now();
  PATCHBAY_ASSIGN_OR_RETURN(choice_, ChooseSampling(request_, model_.schedule.config()));
  SamplingPass::Task task;
  PATCHBAY_ASSIGN_OR_RETURN(task.size, ResolveSize(request_, model_.description));
  first_size_ = task.size;
  task.steps = request_.steps;
  report_.seed = request_.seed;
  report_.sampler = choice_.sampler;
  report_.warnings = choice_.warnings;
  for (std::string& warning : UnusedSettings(request_, choice_.sampler)) {
    report_.warnings.push_back(std::move(warning));
  }
  if (hooks_ != nullptr) report_.plugins = hooks_->text;
  PATCHBAY_RETURN_IF_ERROR(EncodeText(0, task.steps));

  StartPicture start;
  {
    const Stopwatch stopwatch(report_.vae_seconds);
    PATCHBAY_ASSIGN_OR_RETURN(start,
                              ReadStartPicture(request_, task.size, model_, noise_, cancellation_));
  }
  if (start.latent.defined()) {
    task.start = start.latent.expand({request_.batch, -1, -1, -1}).clone();
  }
  if (request_.has_start()) {
    task.strength = request_.strength;
    task.picture = &start;
  }
  PATCHBAY_ASSIGN_OR_RETURN(at::Tensor latents, RunPass(task));
  report_.size = task.size;
  if (request_.hires.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(latents, RunHiresPass(latents));
    report_.size = request_.hires->size;
  }

  GenerationResult result;
  PATCHBAY_RETURN_IF_ERROR(Decode(latents, result));
  // Plugins may have cut something off.
  if (!result.pictures.empty()) {
    report_.size = {result.pictures.front().width, result.pictures.front().height};
  }
  report_.total_seconds = SecondsSince(started);
  for (int i = 0; i < static_cast<int>(result.pictures.size()); ++i) {
    result.metadata.push_back({{"parameters", Infotext(i)}});
  }
  // Whoever ends a job wants none of it, however little was left to do.
  if (observer_.IsCancelled()) return absl::CancelledError("cancelled");
  result.report = std::move(report_);
  return result;
}

std::string GenerationJob::Infotext(int picture) const {
  const auto index = static_cast<size_t>(picture);
  const std::string model_name = std::filesystem::path(model_.description.path).filename().string();
  // The prompt as written, with its tags, unless wildcards have been replaced in it.
  const bool chosen = !request_.wildcard_folder.empty();
  return MakeInfotext(
      request_, {chosen ? prompts_.positive[index] : request_.prompt,
                 chosen ? prompts_.negative[index] : request_.negative_prompt, model_name,
                 choice_.sampler, report_.schedule, report_.plugins, first_size_, SeedOf(picture)});
}

// A1111 gives each picture of a batch a seed of its own.
uint64_t GenerationJob::SeedOf(int picture) const {
  const bool counts = request_.compat == CompatProfile::kA1111;
  return request_.seed + (counts ? static_cast<uint64_t>(picture) : 0);
}

absl::Status GenerationJob::EncodeText(int pass, int steps) {
  const Stopwatch stopwatch(report_.text_seconds);
  ConditioningRequest text;
  text.prompts = prompts_.positive;
  if (!request_.negative_prompt.empty()) {
    text.negative_prompts.assign(prompts_.negative.begin(), prompts_.negative.end());
  }
  text.profile = request_.compat;
  text.clip_skip = request_.clip_skip;
  const int evaluations = EvaluationsPerStep(choice_.sampler);
  text.calls = int64_t{steps} * evaluations;
  if (pass > 0) text.calls_before = int64_t{request_.steps} * evaluations;
  for (const std::string& path : request_.embeddings) {
    PATCHBAY_ASSIGN_OR_RETURN(TextualInversion embedding, ReadTextualInversion(path));
    text.embeddings.push_back(std::move(embedding));
  }
  PATCHBAY_ASSIGN_OR_RETURN(conditioning_, EncodePrompts(text_, text));
  for (const std::string& warning : conditioning_.warnings) {
    const auto& known = report_.warnings;
    if (std::find(known.begin(), known.end(), warning) == known.end()) {
      report_.warnings.push_back(warning);
    }
  }
  text_services_.emplace(text_, std::move(text));
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> GenerationJob::RunPass(const SamplingPass::Task& task) {
  pass_ = std::make_unique<SamplingPass>(model_, request_, choice_, conditioning_, *text_services_,
                                         operators_, hooks_, observer_, noise_, report_);
  return pass_->Run(task);
}

absl::StatusOr<at::Tensor> GenerationJob::RunHiresPass(const at::Tensor& latents) {
  SamplingPass::Task task;
  task.number = 1;
  task.size = request_.hires->size;
  task.strength = request_.hires->strength;
  task.steps = request_.hires->steps > 0 ? request_.hires->steps : request_.steps;
  const int64_t scale = model_.autoencoder->scale();
  task.start = at::upsample_bilinear2d(latents, {task.size.height / scale, task.size.width / scale},
                                       /*align_corners=*/false);
  PATCHBAY_RETURN_IF_ERROR(EncodeText(task.number, task.steps));
  // A1111 begins the second pass with the seed's first numbers again.
  if (request_.compat == CompatProfile::kA1111) {
    noise_ = NoiseSource(request_.compat, request_.seed);
  }
  return RunPass(task);
}

absl::Status GenerationJob::Decode(const at::Tensor& latents, GenerationResult& result) {
  if (request_.keep_latent) result.latent = BufferOf(latents);
  if (request_.without_pictures) return absl::OkStatus();
  const Stopwatch stopwatch(report_.vae_seconds);
  AutoencoderOptions options;
  options.is_cancelled = cancellation_;
  const at::Tensor pictures = model_.autoencoder->Decode(latents, options);
  if (!pictures.defined()) return absl::CancelledError("cancelled");
  if (!pictures.isfinite().all().item<bool>()) {
    return absl::DataLossError(
        "the autoencoder gave numbers that are not finite; the model may be damaged");
  }
  result.pictures = PicturesFromTensor(pass_->EditPictures(pictures), request_.compat);
  return LayOriginalOver(result.pictures);
}

absl::Status GenerationJob::LayOriginalOver(std::vector<Picture>& pictures) const {
  const bool wanted = request_.overlay.value_or(request_.compat == CompatProfile::kA1111);
  if (!wanted || !request_.image.has_value() || !request_.mask.has_value()) return absl::OkStatus();
  const Picture mask = GreyMask(*request_.mask);
  for (Picture& picture : pictures) {
    PATCHBAY_ASSIGN_OR_RETURN(picture, WithOriginalOver(picture, *request_.image, mask));
  }
  return absl::OkStatus();
}

}  // namespace patchbay
