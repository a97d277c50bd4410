#include "host/runtime/pipeline/generation_job.h"

#include <ATen/CPUGeneratorImpl.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/pipeline/guided_denoiser.h"
#include "host/runtime/pipeline/infotext.h"
#include "host/runtime/pipeline/picture_tensor.h"
#include "host/runtime/pipeline/request_check.h"
#include "host/runtime/sampling/sampler.h"
#include "host/runtime/text_encoder/micro_conditioning.h"

namespace patchbay {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Adds the time until it goes out of scope.
class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total), start_(Clock::now()) {}
  ~Stopwatch() { total_ += SecondsSince(start_); }

 private:
  double& total_;
  Clock::time_point start_;
};

// The sampler that the model's own scheduler stands for.
std::string OwnSampler(const NoiseScheduleConfig& config) {
  if (config.class_name == "DDIMScheduler") return "ddim";
  if (config.class_name == "EulerAncestralDiscreteScheduler") return "euler_a";
  if (config.class_name == "DPMSolverMultistepScheduler") return "dpmpp_2m";
  return "euler";
}

// The clean latent that a network's output stands for; see arXiv:2202.00512, appendix D, in terms
// of unscaled latents.
at::Tensor ToDenoised(PredictionType type, const at::Tensor& x, const at::Tensor& output,
                      double sigma) {
  const double variance = sigma * sigma + 1;
  switch (type) {
    case PredictionType::kVPrediction:
      return x / variance - output * (sigma / std::sqrt(variance));
    case PredictionType::kSample:
      return output;
    case PredictionType::kEpsilon:
      break;
  }
  return x - output * sigma;
}

absl::Status NotFinite(int step) {
  return absl::InternalError(
      absl::StrCat("the denoiser gave numbers that are not finite at step ", step,
                   "; the model may be damaged, or its precision too low (try --precision fp32)"));
}

GuidedDenoiser::Sizes SizesFor(const LoadedModel& model, const PictureSize& size) {
  if (!model.unet->needs_added_text()) return {};
  const SizeConditioning sizes = UncroppedSize(size.height, size.width);
  if (!model.description.requires_aesthetics_score) {
    return {MicroConditioning(sizes), MicroConditioning(sizes)};
  }
  return {MicroConditioning(sizes, kAestheticScore),
          MicroConditioning(sizes, kNegativeAestheticScore)};
}

}  // namespace

absl::StatusOr<GenerationResult> GeneratePictures(const LoadedModel& model,
                                                  const GenerationRequest& request,
                                                  GenerationObserver& observer) {
  return GenerationJob(model, request, observer).Run();
}

GenerationJob::GenerationJob(const LoadedModel& model, const GenerationRequest& request,
                             GenerationObserver& observer)
    : model_(model),
      request_(request),
      observer_(observer),
      generator_(at::make_generator<at::CPUGeneratorImpl>(request.seed)),
      sampler_(request.sampler.value_or(OwnSampler(model.schedule.config()))),
      schedule_(request.schedule.value_or("")) {}

absl::StatusOr<GenerationResult> GenerationJob::Run() {
  const auto started = Clock::now();
  PATCHBAY_RETURN_IF_ERROR(CheckRequest(request_, model_.description));
  Pass pass;
  PATCHBAY_ASSIGN_OR_RETURN(pass.size, ResolveSize(request_, model_.description));
  pass.steps = request_.steps;
  report_.seed = request_.seed;
  report_.sampler = sampler_;
  report_.schedule = schedule_.empty() ? "default" : schedule_;
  PATCHBAY_RETURN_IF_ERROR(EncodeText());
  PATCHBAY_RETURN_IF_ERROR(ReadStart(pass));
  PATCHBAY_ASSIGN_OR_RETURN(at::Tensor latents, RunPass(pass));
  if (request_.hires.has_value()) {
    Pass hires;
    hires.number = 1;
    hires.size = request_.hires->size;
    hires.strength = request_.hires->strength;
    hires.steps = request_.hires->steps > 0 ? request_.hires->steps : request_.steps;
    const int64_t scale = model_.autoencoder->scale();
    hires.start = at::upsample_bilinear2d(
        latents, {hires.size.height / scale, hires.size.width / scale}, /*align_corners=*/false);
    PATCHBAY_ASSIGN_OR_RETURN(latents, RunPass(hires));
    pass.size = hires.size;
  }
  report_.size = pass.size;

  GenerationResult result;
  PATCHBAY_RETURN_IF_ERROR(Decode(latents, result));
  report_.total_seconds = SecondsSince(started);
  const std::string model_name = std::filesystem::path(model_.description.path).filename().string();
  for (int i = 0; i < request_.batch; ++i) {
    result.metadata.push_back(
        {{"parameters", MakeInfotext(request_, report_, model_name, request_.seed)}});
  }
  result.report = std::move(report_);
  return result;
}

absl::Status GenerationJob::EncodeText() {
  const Stopwatch stopwatch(report_.text_seconds);
  ConditioningRequest text;
  const size_t batch = static_cast<size_t>(request_.batch);
  text.prompts.assign(batch, request_.prompt);
  if (!request_.negative_prompt.empty()) {
    text.negative_prompts.assign(batch, request_.negative_prompt);
  }
  text.profile = request_.compat;
  text.clip_skip = request_.clip_skip;
  text.calls = request_.steps;
  for (const std::string& path : request_.embeddings) {
    PATCHBAY_ASSIGN_OR_RETURN(TextualInversion embedding, ReadTextualInversion(path));
    text.embeddings.push_back(std::move(embedding));
  }
  PATCHBAY_ASSIGN_OR_RETURN(conditioning_, EncodePrompts(model_.text, text));
  report_.warnings = conditioning_.warnings;
  return absl::OkStatus();
}

// The order of draws is that of diffusers' pipelines: the posterior's noise before the pass's own.
absl::Status GenerationJob::ReadStart(Pass& first) {
  if (!request_.image.has_value()) return absl::OkStatus();
  const Stopwatch stopwatch(report_.vae_seconds);
  const int64_t scale = model_.autoencoder->scale();
  const int64_t height = first.size.height;
  const int64_t width = first.size.width;
  picture_ = TensorFromPicture(*request_.image);
  if (picture_.size(2) != height || picture_.size(3) != width) {
    picture_ =
        at::_upsample_bicubic2d_aa(picture_, {height, width}, /*align_corners=*/false).clamp(-1, 1);
  }
  first.strength = request_.strength;
  if (request_.mask.has_value()) {
    const at::Tensor grey = TensorFromPicture(*request_.mask).mean(1, /*keepdim=*/true);
    const at::Tensor resized = at::upsample_nearest2d(grey, {height, width});
    mask_ = at::upsample_nearest2d((resized >= 0).to(at::kFloat), {height / scale, width / scale});
  }
  const at::Tensor noise =
      DrawNoise({1, model_.autoencoder->latent_channels(), height / scale, width / scale});
  first.start = model_.autoencoder->Encode(picture_, noise).repeat({request_.batch, 1, 1, 1}).cpu();
  return absl::OkStatus();
}

at::Tensor GenerationJob::DrawNoise(at::IntArrayRef shape) {
  return at::randn(shape, generator_, at::TensorOptions().dtype(at::kFloat));
}

absl::StatusOr<at::Tensor> GenerationJob::FirstNoise(at::IntArrayRef shape) {
  if (!request_.initial_latent.has_value()) return DrawNoise(shape);
  const LatentBuffer& given = *request_.initial_latent;
  if (at::IntArrayRef(given.shape) != shape) {
    return absl::InvalidArgumentError(
        absl::StrCat("the initial latent is [", absl::StrJoin(given.shape, ", "),
                     "], and this picture needs [", absl::StrJoin(shape, ", "), "]"));
  }
  at::Tensor noise = at::empty(shape, at::kFloat);
  std::memcpy(noise.data_ptr(), given.values.data(), given.values.size() * sizeof(float));
  return noise;
}

// Inpainting models see the mask and the picture without what the mask covers.
at::Tensor GenerationJob::ExtraChannels(const Pass& pass) {
  const int64_t latent_channels = model_.autoencoder->latent_channels();
  const int64_t extra = model_.unet->in_channels() - latent_channels;
  if (extra != latent_channels + 1) return {};
  const int64_t scale = model_.autoencoder->scale();
  const int64_t height = pass.size.height / scale;
  const int64_t width = pass.size.width / scale;
  at::Tensor mask = mask_.defined() ? mask_ : at::ones({1, 1, height, width});
  at::Tensor masked =
      picture_.defined() ? picture_ : at::zeros({1, 3, pass.size.height, pass.size.width});
  if (mask_.defined()) {
    const at::Tensor full = at::upsample_nearest2d(mask, {masked.size(2), masked.size(3)});
    masked = masked * (full < 0.5);
  } else {
    masked = at::zeros_like(masked);
  }
  const at::Tensor noise = DrawNoise({1, latent_channels, height, width});
  const at::Tensor latent = model_.autoencoder->Encode(masked, noise).cpu();
  return at::cat({mask, latent}, 1).repeat({request_.batch, 1, 1, 1}).to(model_.compute.device);
}

absl::StatusOr<at::Tensor> GenerationJob::RunPass(const Pass& pass) {
  PATCHBAY_ASSIGN_OR_RETURN(SamplingPlan plan,
                            PlanSampling(model_.schedule, sampler_, schedule_, pass.steps));
  if (pass.start.defined()) plan = StartAtStrength(plan, pass.strength);
  if (plan.steps.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("with strength ", pass.strength, " and ",
                                                   pass.steps,
                                                   " steps there is nothing to do; raise either"));
  }
  const int64_t scale = model_.autoencoder->scale();
  const std::vector<int64_t> shape = {request_.batch, model_.autoencoder->latent_channels(),
                                      pass.size.height / scale, pass.size.width / scale};
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor noise, FirstNoise(shape));
  const double first_sigma = plan.steps.front().sigma;
  at::Tensor x = pass.start.defined() && pass.strength < 1 ? pass.start + noise * first_sigma
                                                           : noise * plan.first_scale;
  const at::Tensor extra_channels = ExtraChannels(pass);
  const GuidedDenoiser::Sizes sizes = SizesFor(model_, pass.size);
  const OperatorTable operators;
  GuidedDenoiser denoiser(*model_.unet, conditioning_, sizes, extra_channels, operators);

  int64_t calls = 0;
  auto step_started = Clock::now();
  const auto denoise = [&](const at::Tensor& latent, double sigma,
                           double timestep) -> absl::StatusOr<at::Tensor> {
    if (observer_.IsCancelled()) return absl::CancelledError("cancelled");
    const at::Tensor sample = latent.to(model_.compute.device) / std::sqrt(sigma * sigma + 1);
    PATCHBAY_ASSIGN_OR_RETURN(const GuidedOutput output,
                              denoiser.Run(sample, timestep, request_.guidance_scale, calls++));
    return ToDenoised(model_.schedule.config().prediction_type, latent, output.guided.cpu(), sigma);
  };
  const auto draw = [&](const at::Tensor& like) { return DrawNoise(like.sizes()); };
  const auto after_step = [&](size_t step, at::Tensor& latent) {
    if (mask_.defined() && pass.number == 0) {
      const at::Tensor known = pass.start + noise * plan.steps[step].sigma_next;
      latent = known * (1 - mask_) + latent * mask_;
    }
    const int number = static_cast<int>(step) + 1;
    if (!latent.isfinite().all().item<bool>()) return NotFinite(number);
    report_.step_seconds.push_back(SecondsSince(step_started));
    step_started = Clock::now();
    observer_.OnStep(pass.number, number, static_cast<int>(plan.steps.size()),
                     report_.step_seconds.back());
    return absl::OkStatus();
  };
  SamplerOptions options;
  options.eta = request_.eta_given ? request_.eta : sampler_ == "ddim" ? 0.0 : 1.0;
  PATCHBAY_ASSIGN_OR_RETURN(x, RunSampler(sampler_, options, plan, x, denoise, draw, after_step));
  return x * plan.last_scale;
}

absl::Status GenerationJob::Decode(const at::Tensor& latents, GenerationResult& result) {
  const Stopwatch stopwatch(report_.vae_seconds);
  result.pictures = PicturesFromTensor(model_.autoencoder->Decode(latents), request_.compat);
  if (!request_.keep_latent) return absl::OkStatus();
  const at::Tensor plain = latents.to(at::kFloat).contiguous();
  LatentBuffer buffer;
  buffer.shape = plain.sizes().vec();
  buffer.values.assign(plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel());
  result.latent = std::move(buffer);
  return absl::OkStatus();
}

}  // namespace patchbay
