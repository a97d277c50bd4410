#include "host/runtime/pipeline/infotext.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/runtime/sampling/sampler.h"
#include "host/runtime/sampling/sampler_names.h"

namespace patchbay {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string SizeText(const PictureSize& size) { return absl::StrCat(size.width, "x", size.height); }

// A value that could be taken for the next pair is written as a JSON string.
std::string Quoted(const std::string& value) {
  if (value.find_first_of(",:\n") == std::string::npos) return value;
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string NameOf(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// A1111's plans for DDIM, PLMS and UniPC are no schedules that it could be asked for.
std::string ScheduleText(const GenerationRequest& request, const std::string& schedule) {
  std::string label = ScheduleLabel(schedule);
  const bool left_open = !request.schedule.has_value() && request.compat == CompatProfile::kA1111;
  return left_open && label == schedule ? "Automatic" : label;
}

std::string EmbeddingsText(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(NameOf(path));
  return absl::StrJoin(names, ", ");
}

// Those of the prompt's tags are seen there.
std::string LorasText(const std::vector<LoraChoice>& loras) {
  std::vector<std::string> texts;
  for (const LoraChoice& lora : loras) {
    const std::string name = lora.title.empty() ? NameOf(lora.path) : lora.title;
    texts.push_back(absl::StrCat(name, ":", lora.unet_weight));
    if (lora.text_weight != lora.unet_weight) absl::StrAppend(&texts.back(), ":", lora.text_weight);
  }
  return absl::StrJoin(texts, ", ");
}

// What is drawn over, and how much of it.
void AddStart(const GenerationRequest& request, Pairs& pairs) {
  if (request.has_start()) {
    pairs.emplace_back("Denoising strength", absl::StrCat(request.strength));
  } else if (request.hires.has_value()) {
    pairs.emplace_back("Denoising strength", absl::StrCat(request.hires->strength));
  }
  if (request.start_latent.has_value()) pairs.emplace_back("Start", "latent");
  if (request.initial_latent.has_value()) pairs.emplace_back("Initial noise", "given");
  if (request.mask.has_value()) {
    pairs.emplace_back("Mask blur", "0");
    pairs.emplace_back("Inpaint area", "Whole picture");
    pairs.emplace_back("Masked content", "original");
  }
  if (request.overlay.has_value()) pairs.emplace_back("Overlay", *request.overlay ? "yes" : "no");
}

void AddHires(const GenerationRequest& request, Pairs& pairs) {
  if (!request.hires.has_value()) return;
  pairs.emplace_back("Hires resize", SizeText(request.hires->size));
  if (request.hires->steps > 0)
    pairs.emplace_back("Hires steps", absl::StrCat(request.hires->steps));
  pairs.emplace_back("Hires upscaler", "Latent");
  if (request.has_start()) {
    pairs.emplace_back("Hires strength", absl::StrCat(request.hires->strength));
  }
}

void AddRange(const GenerationRequest& request, Pairs& pairs) {
  if (!request.range.has_value()) return;
  const StepRange& range = *request.range;
  if (range.first > 0) pairs.emplace_back("First step", absl::StrCat(range.first));
  if (range.end.has_value()) pairs.emplace_back("End step", absl::StrCat(*range.end));
  if (!range.adds_noise) pairs.emplace_back("Added noise", "no");
  if (range.keeps_noise) pairs.emplace_back("Kept noise", "yes");
}

Pairs PairsOf(const GenerationRequest& request, const DrawnPicture& picture) {
  Pairs pairs = {
      {"Steps", absl::StrCat(request.steps)},
      {"Sampler", SamplerLabel(picture.sampler)},
      {"Schedule type", ScheduleText(request, picture.schedule)},
      {"CFG scale", absl::StrCat(request.guidance_scale)},
      {"Seed", absl::StrCat(picture.seed)},
      {"Size", SizeText(picture.size)},
      {"Model", picture.model_name},
  };
  AddStart(request, pairs);
  if (request.clip_skip.has_value()) {
    pairs.emplace_back("Clip skip", absl::StrCat(*request.clip_skip));
  }
  // As A1111, only where it is not the sampler's own.
  if (request.eta_given && UsesEta(picture.sampler) && request.eta != DefaultEta(picture.sampler)) {
    pairs.emplace_back("Eta", absl::StrCat(request.eta));
  }
  AddHires(request, pairs);
  AddRange(request, pairs);
  pairs.emplace_back("LoRAs", LorasText(request.loras));
  pairs.emplace_back("Embeddings", EmbeddingsText(request.embeddings));
  pairs.emplace_back("Plugins", picture.plugins);
  pairs.emplace_back("Compat", std::string(CompatProfileName(request.compat)));
  pairs.emplace_back("Version", "Patchbay " PATCHBAY_VERSION);
  return pairs;
}

}  // namespace

std::string MakeInfotext(const GenerationRequest& request, const DrawnPicture& picture) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : PairsOf(request, picture)) {
    if (!value.empty()) parts.push_back(absl::StrCat(key, ": ", Quoted(value)));
  }
  std::string text = picture.prompt;
  if (!picture.negative_prompt.empty()) {
    absl::StrAppend(&text, "\nNegative prompt: ", picture.negative_prompt);
  }
  return absl::StrCat(text, "\n", absl::StrJoin(parts, ", "));
}

}  // namespace patchbay
