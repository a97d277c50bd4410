#include "host/runtime/pipeline/request_check.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/memory_limit.h"
#include "host/base/status_macros.h"
#include "host/runtime/pipeline/memory_need.h"
#include "host/runtime/pipeline/sampling_choice.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/sampling/noise_schedule.h"
#include "host/runtime/sampling/sampling_plan.h"
#include "host/runtime/text_encoder/hidden_state_choice.h"

namespace patchbay {
namespace {

constexpr int kMaxSide = 16384;
constexpr int kMaxBatch = 64;
constexpr int kMaxSteps = 1000;
// What ComfyUI's node allows.
constexpr int kMaxRangeStep = 10000;
constexpr double kMaxGuidance = 1000;
constexpr double kMaxEta = 100;
constexpr double kMaxLoraWeight = 1000;

absl::Status Refuse(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status CheckSize(const char* field, int64_t width, int64_t height, int64_t multiple) {
  for (const int64_t side : {width, height}) {
    if (side < multiple || side > kMaxSide || side % multiple != 0) {
      return Refuse(absl::StrCat(field, " ", width, "x", height,
                                 " cannot be drawn: width and height must be multiples of ",
                                 multiple, " up to ", kMaxSide));
    }
  }
  return absl::OkStatus();
}

// All digits of a whole number, which a double's text rounds.
std::string Shown(double value) {
  constexpr double kExact = 9007199254740992;  // 2^53
  const bool is_whole = std::abs(value) <= kExact && std::trunc(value) == value;
  return is_whole ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(value);
}

// Within low..high; not a number is within nothing.
absl::Status CheckRange(const std::string& field, double value, double low, double high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return Refuse(
      absl::StrCat(field, " is ", Shown(value), "; it must be a number from ", low, " to ", high));
}

absl::Status CheckStrength(const char* field, double strength) {
  if (strength > 0 && strength <= 1) return absl::OkStatus();
  return Refuse(absl::StrCat(field, " is ", strength, "; it must be above 0 and at most 1"));
}

absl::Status CheckFolder(const char* what, const std::string& folder) {
  std::error_code ignored;
  if (folder.empty() || std::filesystem::is_directory(folder, ignored)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no ", what, " folder ", folder));
}

// It would end the text in a picture's metadata, and means nothing to a model.
absl::Status CheckText(const char* field, const std::string& text) {
  if (text.size() > kMaxPromptBytes) {
    return Refuse(
        absl::StrCat(field, " has ", text.size(), " bytes; it may have ", kMaxPromptBytes));
  }
  if (text.find('\0') == text.npos) return absl::OkStatus();
  return Refuse(absl::StrCat(field, " holds a zero byte; remove it"));
}

absl::Status CheckNumbers(const GenerationRequest& request) {
  PATCHBAY_RETURN_IF_ERROR(CheckRange("the number of steps", request.steps, 1, kMaxSteps));
  PATCHBAY_RETURN_IF_ERROR(CheckRange("the batch", request.batch, 1, kMaxBatch));
  PATCHBAY_RETURN_IF_ERROR(
      CheckRange("the guidance scale", request.guidance_scale, 0, kMaxGuidance));
  PATCHBAY_RETURN_IF_ERROR(CheckRange("eta", request.eta, 0, kMaxEta));
  PATCHBAY_RETURN_IF_ERROR(CheckStrength("the strength", request.strength));
  for (const LoraChoice& lora : request.loras) {
    for (const double weight : {lora.unet_weight, lora.text_weight}) {
      PATCHBAY_RETURN_IF_ERROR(CheckRange(absl::StrCat("the weight of the LoRA ", lora.path),
                                          weight, -kMaxLoraWeight, kMaxLoraWeight));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHires(const GenerationRequest& request, const ModelDescription& model) {
  if (!request.hires.has_value()) return absl::OkStatus();
  const HiresPass& hires = *request.hires;
  PATCHBAY_RETURN_IF_ERROR(
      CheckSize("the hires size", hires.size.width, hires.size.height, model.latent_scale));
  PATCHBAY_RETURN_IF_ERROR(CheckRange("the number of hires steps", hires.steps, 0, kMaxSteps));
  return CheckStrength("the hires strength", hires.strength);
}

bool IsFinite(const LatentBuffer& latent) {
  return std::all_of(latent.values.begin(), latent.values.end(),
                     [](float value) { return std::isfinite(value); });
}

absl::Status CheckInitialLatent(const GenerationRequest& request, const PictureSize& size,
                                const ModelDescription& model) {
  if (!request.initial_latent.has_value()) return absl::OkStatus();
  const LatentBuffer& latent = *request.initial_latent;
  const std::vector<int64_t> wanted = {request.batch, model.latent_channels,
                                       size.height / model.latent_scale,
                                       size.width / model.latent_scale};
  if (latent.shape != wanted) {
    return Refuse(absl::StrCat("the initial latent is [", absl::StrJoin(latent.shape, ", "),
                               "], and this request needs [", absl::StrJoin(wanted, ", "), "]"));
  }
  return IsFinite(latent) ? absl::OkStatus()
                          : Refuse("the initial latent holds numbers that are not finite");
}

absl::Status CheckStartLatent(const GenerationRequest& request, const PictureSize& size,
                              const ModelDescription& model) {
  if (!request.start_latent.has_value()) return absl::OkStatus();
  if (request.image.has_value()) {
    return Refuse("there is a start latent and a start picture; leave one of them out");
  }
  const LatentBuffer& latent = *request.start_latent;
  const std::vector<int64_t> wanted = {
      latent.shape.empty() || latent.shape[0] == 1 ? 1 : static_cast<int64_t>(request.batch),
      model.latent_channels, size.height / model.latent_scale, size.width / model.latent_scale};
  if (latent.shape != wanted) {
    return Refuse(absl::StrCat("the start latent is [", absl::StrJoin(latent.shape, ", "),
                               "], and this request needs [", absl::StrJoin(wanted, ", "), "]"));
  }
  if (request.mask.has_value() && model.in_channels > model.latent_channels) {
    return Refuse(
        "this inpainting model is shown the picture around the mask; start from a picture instead "
        "of a latent");
  }
  return IsFinite(latent) ? absl::OkStatus()
                          : Refuse("the start latent holds numbers that are not finite");
}

absl::Status CheckStepRange(const GenerationRequest& request) {
  if (!request.range.has_value()) return absl::OkStatus();
  const StepRange& range = *request.range;
  if (request.compat != CompatProfile::kComfyUi) {
    return Refuse(
        "a part of the steps can be asked for in ComfyUI's profile only (--compat comfyui)");
  }
  if (request.hires.has_value()) {
    return Refuse("a part of the steps and a hires pass exclude each other; ask for two jobs");
  }
  PATCHBAY_RETURN_IF_ERROR(CheckRange("the first step", range.first, 0, kMaxRangeStep));
  if (!range.end.has_value()) return absl::OkStatus();
  return CheckRange("the step to end before", *range.end, range.first, kMaxRangeStep);
}

absl::Status CheckClipSkip(const GenerationRequest& request, const ModelDescription& model) {
  // OpenCLIP-H is stored without its last layer; the same number elsewhere is let pass here and
  // refused by the encoder itself.
  constexpr int64_t kOpenClipLayers = 23;
  const bool penultimate = model.clip_skip == 2;
  std::vector<std::string> warnings;
  for (const int64_t layers : model.text_layers) {
    PATCHBAY_RETURN_IF_ERROR(ChooseHiddenState(penultimate ? HiddenStateRule::kPenultimate
                                                           : HiddenStateRule::kNormalizedLast,
                                               request.compat, request.clip_skip, layers,
                                               !penultimate && layers == kOpenClipLayers ? 1 : 0,
                                               warnings)
                                 .status());
  }
  return absl::OkStatus();
}

absl::Status CheckSampling(const GenerationRequest& request, const ModelDescription& model) {
  const absl::StatusOr<NoiseScheduleConfig> config = ParseNoiseScheduleConfig(model.scheduler_json);
  if (!config.ok()) {
    return absl::Status(config.status().code(),
                        absl::StrCat(model.path, ": ", config.status().message()));
  }
  PATCHBAY_ASSIGN_OR_RETURN(const SamplingChoice choice, ChooseSampling(request, *config));
  const NoiseSchedule schedule(*config);
  SamplingPlanRequest plan;
  plan.compat = request.compat;
  plan.sampler = choice.sampler;
  plan.schedule = choice.schedule;
  plan.steps = request.steps;
  plan.from_picture = request.has_start();
  plan.strength = plan.from_picture ? request.strength : 1;
  plan.range = PlannedRangeOf(request);
  PATCHBAY_RETURN_IF_ERROR(PlanSampling(schedule, plan).status());
  if (!request.hires.has_value()) return absl::OkStatus();
  plan.range.reset();
  plan.from_picture = true;
  plan.strength = request.hires->strength;
  if (request.hires->steps > 0) plan.steps = request.hires->steps;
  const absl::Status hires = PlanSampling(schedule, plan).status();
  if (hires.ok()) return hires;
  return absl::Status(hires.code(), absl::StrCat("the hires pass: ", hires.message()));
}

// Of the picture that a job starts from, whose size is not asked for otherwise.
absl::Status CheckOwnSize(const Picture& picture, int64_t multiple) {
  for (const int side : {picture.width, picture.height}) {
    if (side >= multiple && side <= kMaxSide) continue;
    return Refuse(absl::StrCat("the start picture is ", picture.width, "x", picture.height,
                               " pixels; both sides must be from ", multiple, " to ", kMaxSide,
                               ", or the size to draw must be given (--size)"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PictureSize> ResolveSize(const GenerationRequest& request,
                                        const ModelDescription& model) {
  const int64_t multiple = model.latent_scale;
  int64_t width = model.native_size, height = model.native_size;
  const char* field = "the model's own size";
  if (request.size.has_value()) {
    field = "the size";
    width = request.size->width;
    height = request.size->height;
  } else if (request.image.has_value()) {
    field = "the start picture's size";
    PATCHBAY_RETURN_IF_ERROR(CheckOwnSize(*request.image, multiple));
    width = request.image->width / multiple * multiple;
    height = request.image->height / multiple * multiple;
  } else if (request.start_latent.has_value() && request.start_latent->shape.size() == 4) {
    field = "the start latent's size";
    // Far more than any picture, and safe to multiply.
    constexpr int64_t kMost = kMaxSide;
    width = std::min(request.start_latent->shape[3], kMost) * multiple;
    height = std::min(request.start_latent->shape[2], kMost) * multiple;
  }
  PATCHBAY_RETURN_IF_ERROR(CheckSize(field, width, height, multiple));
  return PictureSize{static_cast<int>(width), static_cast<int>(height)};
}

absl::Status CheckRequest(const GenerationRequest& request, const ModelDescription& model) {
  PATCHBAY_RETURN_IF_ERROR(CheckNumbers(request));
  PATCHBAY_RETURN_IF_ERROR(CheckText("the prompt", request.prompt));
  PATCHBAY_RETURN_IF_ERROR(CheckText("the negative prompt", request.negative_prompt));
  PATCHBAY_RETURN_IF_ERROR(CheckHires(request, model));
  if (request.mask.has_value() && !request.has_start()) {
    return Refuse("a mask needs a picture to paint into (--image)");
  }
  if (request.without_pictures && !request.keep_latent) {
    return Refuse("neither pictures nor the latent are wanted; ask for one of them");
  }
  PATCHBAY_RETURN_IF_ERROR(CheckStepRange(request));
  PATCHBAY_RETURN_IF_ERROR(CheckFolder("wildcard", request.wildcard_folder));
  PATCHBAY_RETURN_IF_ERROR(CheckFolder("LoRA", request.lora_folder));
  PATCHBAY_ASSIGN_OR_RETURN(const PictureSize size, ResolveSize(request, model));
  PATCHBAY_RETURN_IF_ERROR(CheckInitialLatent(request, size, model));
  PATCHBAY_RETURN_IF_ERROR(CheckStartLatent(request, size, model));
  PATCHBAY_RETURN_IF_ERROR(CheckClipSkip(request, model));
  PATCHBAY_RETURN_IF_ERROR(CheckSampling(request, model));
  return CheckMemory(request, size, model, /*on_processor=*/!at::hasCUDA(), MostMemory());
}

}  // namespace patchbay
