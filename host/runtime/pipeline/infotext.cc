#include "host/runtime/pipeline/infotext.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace patchbay {
namespace {

std::string SizeText(const PictureSize& size) { return absl::StrCat(size.width, "x", size.height); }

// A value that could be taken for the next pair is written as a JSON string.
std::string Quoted(const std::string& value) {
  if (value.find_first_of(",:\n") == std::string::npos) return value;
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::string MakeInfotext(const GenerationRequest& request, const GenerationReport& report,
                         const std::string& prompt, const std::string& negative_prompt,
                         const std::string& model_name, uint64_t seed) {
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"Steps", absl::StrCat(request.steps)},
      {"Sampler", report.sampler},
      {"Schedule type", report.schedule},
      {"CFG scale", absl::StrCat(request.guidance_scale)},
      {"Seed", absl::StrCat(seed)},
      {"Size", SizeText(report.size)},
      {"Model", model_name},
  };
  if (request.has_start()) {
    pairs.emplace_back("Denoising strength", absl::StrCat(request.strength));
  } else if (request.hires.has_value()) {
    pairs.emplace_back("Denoising strength", absl::StrCat(request.hires->strength));
  }
  if (request.hires.has_value()) pairs.emplace_back("Hires resize", SizeText(request.hires->size));
  if (request.clip_skip.has_value()) {
    pairs.emplace_back("Clip skip", absl::StrCat(*request.clip_skip));
  }
  if (!report.plugins.empty()) pairs.emplace_back("Plugins", report.plugins);
  pairs.emplace_back("Compat", std::string(CompatProfileName(request.compat)));
  pairs.emplace_back("Version", "Patchbay " PATCHBAY_VERSION);

  std::vector<std::string> parts;
  for (const auto& [key, value] : pairs) parts.push_back(absl::StrCat(key, ": ", Quoted(value)));
  std::string text = prompt;
  if (!negative_prompt.empty()) absl::StrAppend(&text, "\nNegative prompt: ", negative_prompt);
  return absl::StrCat(text, "\n", absl::StrJoin(parts, ", "));
}

}  // namespace patchbay
