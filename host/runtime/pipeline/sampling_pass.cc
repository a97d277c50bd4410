#include "host/runtime/pipeline/sampling_pass.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/pipeline/picture_tensor.h"
#include "host/runtime/sampling/sampler_loop.h"
#include "host/runtime/text_encoder/micro_conditioning.h"

namespace patchbay {
namespace {

using Clock = std::chrono::steady_clock;

// Whether the sampler's noise is that of a Brownian path, which needs both ends of its interval.
bool UsesPath(const std::string& sampler, CompatProfile profile) {
  if (sampler == "dpmpp_sde") return true;
  return profile != CompatProfile::kDiffusers &&
         (sampler == "dpmpp_2m_sde" || sampler == "dpmpp_3m_sde");
}

// Far more than any published schedule of jumps makes, far fewer than for ever.
constexpr size_t kMostStepsPerPlanned = 100;

}  // namespace

GuidedDenoiser::Sizes SizesFor(const LoadedModel& model, const PictureSize& size) {
  if (!model.unet->needs_added_text()) return {};
  const SizeConditioning sizes = UncroppedSize(size.height, size.width);
  if (!model.description.requires_aesthetics_score) {
    return {MicroConditioning(sizes), MicroConditioning(sizes)};
  }
  return {MicroConditioning(sizes, kAestheticScore),
          MicroConditioning(sizes, kNegativeAestheticScore)};
}

SamplingPass::SamplingPass(const LoadedModel& model, const GenerationRequest& request,
                           const SamplingChoice& choice, const Conditioning& conditioning,
                           const TextServices& text, const OperatorTable& operators,
                           const ModelHooks* hooks, GenerationObserver& observer,
                           NoiseSource& noise, GenerationReport& report)
    : model_(model),
      request_(request),
      choice_(choice),
      conditioning_(conditioning),
      text_(text),
      operators_(operators),
      hooks_(hooks),
      preconditioning_(model.schedule.config()),
      observer_(observer),
      noise_(noise),
      report_(report) {}

absl::StatusOr<at::Tensor> SamplingPass::Run(const Task& task) {
  SamplingPlanRequest wanted;
  wanted.compat = request_.compat;
  wanted.sampler = choice_.sampler;
  wanted.schedule = choice_.schedule;
  wanted.steps = task.steps;
  wanted.from_picture = task.start.defined();
  wanted.strength = task.strength;
  if (task.number == 0) wanted.range = PlannedRangeOf(request_);
  PATCHBAY_ASSIGN_OR_RETURN(const SamplingPlan plan, PlanSampling(model_.schedule, wanted));
  report_.schedule = plan.schedule;
  if (plan.steps.empty()) return task.start.defined() ? task.start : at::zeros(Shape(task));
  PATCHBAY_ASSIGN_OR_RETURN(at::Tensor x, FirstLatent(task, plan));
  PATCHBAY_ASSIGN_OR_RETURN(extra_channels_, ExtraChannels(task));
  if (hooks_ != nullptr) chain_ = std::make_unique<Chain>(*this, task, plan);
  PATCHBAY_ASSIGN_OR_RETURN(x, RunLoop(task, plan, std::move(x)));
  return x * plan.last_scale;
}

std::vector<int64_t> SamplingPass::Shape(const Task& task) const {
  const int64_t scale = model_.autoencoder->scale();
  return {request_.batch, model_.autoencoder->latent_channels(), task.size.height / scale,
          task.size.width / scale};
}

absl::StatusOr<at::Tensor> SamplingPass::FirstLatent(const Task& task, const SamplingPlan& plan) {
  PATCHBAY_ASSIGN_OR_RETURN(unit_noise_, UnitNoise(task, Shape(task)));
  // diffusers' inpainting forgets the picture at full strength, its img2img does not.
  const bool forgets = task.picture != nullptr && task.picture->has_mask() && task.strength == 1 &&
                       request_.compat == CompatProfile::kDiffusers;
  if (!task.start.defined() || forgets) return unit_noise_ * plan.first_scale;
  return task.start * plan.picture_scale + unit_noise_ * plan.noise_scale;
}

absl::StatusOr<at::Tensor> SamplingPass::UnitNoise(const Task& task, at::IntArrayRef shape) {
  if (request_.range.has_value() && !request_.range->adds_noise) return at::zeros(shape);
  if (!request_.initial_latent.has_value() || task.number > 0) return noise_.Draw(shape);
  // A1111's variations take the place of numbers that its generators draw all the same, so the
  // steps' noise goes on behind them (ImageRNG.first() in modules/rng.py).
  if (request_.compat == CompatProfile::kA1111) noise_.Draw(shape);
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

absl::StatusOr<at::Tensor> SamplingPass::ExtraChannels(const Task& task) const {
  const bool takes_mask = TakesMask(model_);
  const bool masked = task.picture != nullptr && task.picture->has_mask();
  if (!takes_mask && !masked) return at::Tensor();
  // diffusers' inpainting encodes the masked picture even where no network sees it, and so moves
  // its generator on.
  if (!takes_mask && request_.compat != CompatProfile::kDiffusers) return at::Tensor();
  const StartPicture nothing;
  PATCHBAY_ASSIGN_OR_RETURN(
      const at::Tensor channels,
      InpaintingChannels(request_, task.picture == nullptr ? nothing : *task.picture, task.size,
                         *model_.autoencoder, noise_, [this] { return observer_.IsCancelled(); }));
  if (!takes_mask) return at::Tensor();
  return channels.repeat({request_.batch, 1, 1, 1}).to(model_.compute.device);
}

absl::StatusOr<at::Tensor> SamplingPass::RunLoop(const Task& task, const SamplingPlan& plan,
                                                 at::Tensor x) {
  const GuidedDenoiser::Sizes sizes = SizesFor(model_, task.size);
  GuidedDenoiser denoiser(*model_.unet, conditioning_, sizes, extra_channels_, operators_, hooks_,
                          [this] { return observer_.IsCancelled(); });
  SamplerOptions options;
  options.compat = request_.compat;
  options.eta = choice_.eta;
  options.config = model_.schedule.config();
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Sampler> sampler,
                            MakeSampler(choice_.sampler, options));
  if (chain_ != nullptr) {
    chain_->services.Serve(denoiser, chain_->hooks, chain_->seeds);
    chain_->services.ServeText(text_, &report_.warnings);
    chain_->hooks.Begin(request_.guidance_scale);
    x = chain_->hooks.Edit(hooks_->sampling.first_latent, std::move(x));
    BeginStep(plan, 0);
    x = chain_->hooks.Edit(hooks_->sampling.before_step, std::move(x));
  }
  const bool blends = HasKnownPart(task) && request_.compat == CompatProfile::kComfyUi;
  const auto denoise = [&](const at::Tensor& latent, double sigma,
                           double timestep) -> absl::StatusOr<at::Tensor> {
    if (observer_.IsCancelled()) return absl::CancelledError("cancelled");
    const at::Tensor seen =
        blends ? Blended(task, task.start + unit_noise_ * sigma, latent) : latent;
    PATCHBAY_ASSIGN_OR_RETURN(denoised_, Evaluate(denoiser, seen, sigma, timestep));
    if (blends) denoised_ = Blended(task, task.start, denoised_);
    ++calls_;
    return denoised_;
  };
  const auto draw = [&](const at::Tensor& like, double sigma, double sigma_next) {
    return StepNoise(plan, like, sigma, sigma_next);
  };
  const auto after_step = [&](size_t step, at::Tensor& latent, size_t& next) {
    return AfterStep(task, plan, step, latent, next);
  };
  noise_.BeginPass();
  step_started_ = Clock::now();
  PATCHBAY_ASSIGN_OR_RETURN(x, RunSampler(*sampler, plan, std::move(x), denoise, draw, after_step));
  if (chain_ != nullptr) x = chain_->hooks.Edit(hooks_->sampling.last_latent, std::move(x));
  return x;
}

SamplingPass::Chain::Chain(const SamplingPass& pass, const Task& task, const SamplingPlan& plan)
    : info(pass.model_),
      services(pass.model_, info, *pass.hooks_),
      hooks(*pass.hooks_, Describe(pass, task, plan), services.plugins()) {
  for (int i = 0; i < pass.request_.batch; ++i) {
    seeds.push_back(pass.request_.seed + static_cast<uint64_t>(i));
  }
}

PassDescription SamplingPass::Chain::Describe(const SamplingPass& pass, const Task& task,
                                              const SamplingPlan& plan) {
  const int64_t scale = pass.model_.autoencoder->scale();
  PassDescription description;
  description.kind = task.number == 0 ? PATCHBAY_PASS_FIRST : PATCHBAY_PASS_HIRES;
  description.sampler = pass.choice_.sampler;
  if (task.start.defined()) description.flags |= PATCHBAY_STEP_IMAGE_TO_IMAGE;
  if (task.picture != nullptr && task.picture->has_mask()) {
    description.flags |= PATCHBAY_STEP_INPAINTING;
  }
  for (int i = 0; i < pass.request_.batch; ++i) {
    description.seeds.push_back(pass.request_.seed + static_cast<uint64_t>(i));
  }
  for (const SamplingPlan::Step& step : plan.steps) description.sigmas.push_back(step.sigma_from);
  description.sigmas.push_back(plan.steps.back().sigma_next);
  description.latent_height = task.size.height / scale;
  description.latent_width = task.size.width / scale;
  description.native_latent = pass.model_.description.native_size / scale;
  return description;
}

void SamplingPass::BeginStep(const SamplingPlan& plan, size_t index) {
  const SamplingPlan::Step& step = plan.steps[index];
  chain_->hooks.BeginStep(static_cast<int32_t>(index), step.sigma, step.sigma_next, step.timestep);
}

absl::StatusOr<at::Tensor> SamplingPass::Evaluate(GuidedDenoiser& denoiser,
                                                  const at::Tensor& latent, double sigma,
                                                  double timestep) {
  if (chain_ != nullptr) return EvaluateHooked(denoiser, latent, sigma, timestep);
  GuidedDenoiser::Request run;
  run.sample = latent.to(model_.compute.device) * preconditioning_.InputScale(sigma);
  run.timestep = timestep;
  run.guidance_scale = request_.guidance_scale;
  run.call = calls_;
  PATCHBAY_ASSIGN_OR_RETURN(const GuidedOutput output, denoiser.Run(run));
  return preconditioning_.Denoised(latent, output.guided.cpu(), sigma);
}

absl::StatusOr<at::Tensor> SamplingPass::EvaluateHooked(GuidedDenoiser& denoiser,
                                                        const at::Tensor& latent, double sigma,
                                                        double timestep) {
  ChainInPass& chain = chain_->hooks;
  chain.BeginEvaluation(sigma, timestep);
  chain_->services.SetCall(calls_);
  GuidedDenoiser::Request run;
  run.timestep = timestep;
  run.guidance_scale = chain.GuidanceScale(request_.guidance_scale);
  run.call = calls_;
  run.wants_unconditional = hooks_->sampling.requires_unconditional;
  run.wants_conditional = chain.wants_predictions();
  const auto run_network = [&](const at::Tensor& x, int64_t first) {
    run.sample = x.to(model_.compute.device) * preconditioning_.InputScale(sigma);
    run.first_picture = first;
    const Evaluation evaluation = chain.InNetwork();
    run.evaluation = &evaluation;
    return denoiser.Run(run);
  };
  if (!chain.wants_predictions()) {
    PATCHBAY_ASSIGN_OR_RETURN(const GuidedOutput output, run_network(latent, 0));
    return preconditioning_.Denoised(latent, output.guided.cpu(), sigma);
  }
  const auto inner = [&](const at::Tensor& x, int64_t first) -> DenoisedPair {
    const absl::StatusOr<GuidedOutput> output = run_network(x, first);
    if (!output.ok()) throw HookFailure(output.status());
    const auto clean = [&](const at::Tensor& raw) {
      return raw.defined() ? preconditioning_.Denoised(x, raw.cpu(), sigma) : at::Tensor();
    };
    return {clean(output->conditional), clean(output->unconditional)};
  };
  const DenoisedPair pair = chain.Denoise(latent, inner);
  last_ = {
      latent, sigma, pair.conditional, pair.unconditional, pair.conditional, run.guidance_scale};
  if (pair.unconditional.defined()) {
    last_.guided =
        pair.unconditional + run.guidance_scale * (pair.conditional - pair.unconditional);
  }
  chain.Guide(last_);
  return last_.guided;
}

absl::Status SamplingPass::AfterStep(const Task& task, const SamplingPlan& plan, size_t step,
                                     at::Tensor& latent, size_t& next) {
  if (chain_ != nullptr) {
    const int32_t wanted = chain_->hooks.AfterStep(last_, latent);
    if (wanted < 0) return absl::OutOfRangeError(absl::StrCat("a hook asked for step ", wanted));
    next = static_cast<size_t>(wanted);
    if (++hooked_steps_ > kMostStepsPerPlanned * plan.steps.size()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a hook keeps moving the sampler back: ", hooked_steps_,
                       " steps were made of ", plan.steps.size()));
    }
  }
  if (HasKnownPart(task) && request_.compat != CompatProfile::kComfyUi) {
    KeepKnownPart(task, plan, step, next, latent);
  }
  PATCHBAY_RETURN_IF_ERROR(ReportStep(task, plan, step, latent));
  if (chain_ != nullptr && next < plan.steps.size()) {
    BeginStep(plan, next);
    latent = chain_->hooks.Edit(hooks_->sampling.before_step, latent);
  }
  return absl::OkStatus();
}

at::Tensor SamplingPass::EditPictures(at::Tensor pictures) const {
  return chain_ == nullptr ? pictures
                           : chain_->hooks.Edit(hooks_->sampling.picture, std::move(pictures));
}

at::Tensor SamplingPass::StepNoise(const SamplingPlan& plan, const at::Tensor& x, double sigma,
                                   double sigma_next) {
  if (!UsesPath(choice_.sampler, request_.compat)) return noise_.DrawForStep(x.sizes());
  double lowest = std::numeric_limits<double>::infinity();
  double highest = 0;
  for (const SamplingPlan::Step& step : plan.steps) {
    highest = std::max(highest, step.sigma);
    for (const double level : {step.sigma, step.sigma_next}) {
      if (level > 0) lowest = std::min(lowest, level);
    }
  }
  return noise_.DrawFromPath(x.sizes(), sigma, sigma_next, lowest, highest);
}

// Inpainting where the rest is put back: with models that know no masks, and in A1111 with those
// too that are shown one (apply_blend in modules/sd_samplers_cfg_denoiser.py asks for no kind).
bool SamplingPass::HasKnownPart(const Task& task) const {
  const bool masked = task.picture != nullptr && task.picture->has_mask();
  return masked && (!extra_channels_.defined() || request_.compat == CompatProfile::kA1111);
}

at::Tensor SamplingPass::Blended(const Task& task, const at::Tensor& known,
                                 const at::Tensor& painted) {
  return known * (1 - task.picture->mask) + painted * task.picture->mask;
}

// Outside the mask stands the picture, with the noise of the level that the next step begins at,
// whatever plugins did to the latent before. ComfyUI blends what the network sees and says instead
// (KSamplerX0Inpaint in comfy/samplers.py), which is another thing where a mask is soft.
void SamplingPass::KeepKnownPart(const Task& task, const SamplingPlan& plan, size_t step,
                                 size_t next, at::Tensor& x) const {
  at::Tensor known;
  if (next >= plan.steps.size()) {
    known = task.start / plan.last_scale;
  } else {
    const bool goes_on = next == step + 1;
    const double sigma = goes_on ? plan.steps[step].sigma_next : plan.steps[next].sigma_from;
    known = task.start + unit_noise_ * sigma;
  }
  x = Blended(task, known, x);
}

// Where a plugin makes the sampler go back, the steps made count, not their numbers.
void SamplingPass::ReportProgress(const Task& task, const SamplingPlan& plan, int number) {
  const int64_t announced = chain_ == nullptr ? 0 : chain_->services.announced_steps();
  const double seconds = report_.step_seconds.back();
  if (announced == 0) {
    observer_.OnStep(task.number, number, static_cast<int>(plan.steps.size()), seconds);
    return;
  }
  const int made = static_cast<int>(hooked_steps_);
  observer_.OnStep(task.number, made, std::max(made, static_cast<int>(announced)), seconds);
}

absl::Status SamplingPass::ReportStep(const Task& task, const SamplingPlan& plan, size_t step,
                                      const at::Tensor& x) {
  const int number = static_cast<int>(step) + 1;
  if (!x.isfinite().all().item<bool>()) {
    return absl::DataLossError(absl::StrCat(
        "the denoiser gave numbers that are not finite at step ", number,
        "; the model or a LoRA may be damaged, or its precision too low (try --precision fp32)"));
  }
  const Clock::time_point now = Clock::now();
  report_.step_seconds.push_back(std::chrono::duration<double>(now - step_started_).count());
  step_started_ = now;
  ReportProgress(task, plan, number);
  if (observer_.WantsPreview()) {
    const PreviewDecoder& decoder = model_.previews->For(*model_.autoencoder);
    observer_.OnPreview(PicturesFromTensor(decoder.Decode(denoised_), request_.compat));
    step_started_ = Clock::now();
  }
  return absl::OkStatus();
}

}  // namespace patchbay
