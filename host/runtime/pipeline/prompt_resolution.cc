#include "host/runtime/pipeline/prompt_resolution.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/extra_networks.h"
#include "host/runtime/prompt/wildcards.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFilesLookedAt = 100'000;

// The files whose names can be called in a prompt, found once for each request that has tags. A
// name is only ever compared with what the folder holds, never joined to its path.
absl::StatusOr<std::string> FindLora(const std::string& folder, const std::string& name) {
  if (folder.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the prompt asks for <lora:", name,
                     ">, but no LoRA folder is known (--lora-folder; of a server: serve --loras)"));
  }
  std::error_code error;
  fs::recursive_directory_iterator files(folder, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("the LoRA folder ", folder, " cannot be read: ", error.message()));
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : files) {
    if (names.size() >= kMaxFilesLookedAt) break;
    if (absl::AsciiStrToLower(entry.path().extension().string()) != ".safetensors") continue;
    const std::string stem = entry.path().stem().string();
    if (absl::EqualsIgnoreCase(stem, name)) return entry.path().string();
    names.push_back(stem);
  }
  const std::string nearest = NearestSpelling(name, names);
  return absl::NotFoundError(absl::StrCat(
      "the prompt asks for <lora:", name, ">, but there is no ", name, ".safetensors in ", folder,
      nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
}

absl::Status TakeLoras(const GenerationRequest& request, ResolvedPrompts& resolved) {
  for (size_t i = 0; i < resolved.positive.size(); ++i) {
    PromptWithoutTags prompt = TakeExtraNetworks(resolved.positive[i]);
    resolved.positive[i] = std::move(prompt.text);
    if (i > 0) continue;  // a batch shares its weights
    resolved.warnings = std::move(prompt.warnings);
    for (const ExtraNetworkTag& tag : prompt.tags) {
      if (tag.type != "lora" && tag.type != "lyco") {
        return absl::InvalidArgumentError(absl::StrCat("the prompt asks for <", tag.type, ":",
                                                       tag.name, ">; only LoRAs can be called so"));
      }
      PATCHBAY_ASSIGN_OR_RETURN(std::string path, FindLora(request.lora_folder, tag.name));
      resolved.loras.push_back({std::move(path), tag.unet_weight, tag.text_weight});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ResolvedPrompts> ResolvePrompts(const GenerationRequest& request) {
  ResolvedPrompts resolved;
  resolved.loras = request.loras;
  const auto batch = static_cast<size_t>(request.batch > 0 ? request.batch : 0);
  resolved.positive.assign(batch, request.prompt);
  resolved.negative.assign(batch, request.negative_prompt);
  for (size_t i = 0; i < batch && !request.wildcard_folder.empty(); ++i) {
    for (std::string* text : {&resolved.positive[i], &resolved.negative[i]}) {
      PATCHBAY_ASSIGN_OR_RETURN(*text,
                                ExpandWildcards(*text, request.wildcard_folder, request.seed + i));
    }
  }
  if (request.compat == CompatProfile::kA1111) {
    PATCHBAY_RETURN_IF_ERROR(TakeLoras(request, resolved));
  }
  return resolved;
}

}  // namespace patchbay
