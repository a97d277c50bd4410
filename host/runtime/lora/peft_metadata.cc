#include "host/runtime/lora/peft_metadata.h"

#include <filesystem>
#include <regex>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/text_file.h"

namespace patchbay {
namespace {

using Json = nlohmann::ordered_json;

// Longer ones than any module's path are not matched: the time and the stack that a match takes
// grow with them.
constexpr size_t kLongestPattern = 1000;
constexpr size_t kLongestModule = 1000;

// Before the module's path in the network, which the patterns are about.
constexpr std::string_view kPrefixes[] = {"base_model.model.", "unet.", "text_encoder_2.",
                                          "text_encoder."};

std::string PathInNetwork(std::string module) {
  for (const std::string_view prefix : kPrefixes) {
    if (module.starts_with(prefix)) module.erase(0, prefix.size());
  }
  return module;
}

bool IsLiteral(const std::string& pattern) {
  return pattern.find_first_of("^$*+?()[]{}|\\") == std::string::npos;
}

// As Python's re.match(rf"(.*\.)?({pattern})$", path).
absl::StatusOr<bool> Fits(const std::string& pattern, const std::string& path) {
  if (pattern.size() > kLongestPattern || path.size() > kLongestModule) {
    return absl::InvalidArgumentError("is too long");
  }
  // The usual case. That a dot stands for any character makes no difference to a module's name.
  if (IsLiteral(pattern)) return path == pattern || path.ends_with(absl::StrCat(".", pattern));
  try {
    // A file can hold any expression: one that backtracks could keep this thread for ever.
    const std::regex expression(
        absl::StrCat("(.*\\.)?(", pattern, ")$"),
        std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
    return std::regex_match(path, expression);
  } catch (const std::regex_error& error) {
    return absl::InvalidArgumentError("is no regular expression that can be understood");
  }
}

absl::StatusOr<PeftSettings> Read(const Json& json, const std::string& prefix,
                                  const std::string& module) {
  PeftSettings settings;
  if (!json.is_object()) return settings;
  if (const auto alpha = json.find(prefix + "lora_alpha");
      alpha != json.end() && alpha->is_number()) {
    settings.alpha = alpha->get<double>();
  }
  if (const auto root = json.find(prefix + "use_rslora");
      root != json.end() && root->is_boolean()) {
    settings.root_rank = root->get<bool>();
  }
  const auto patterns = json.find(prefix + "alpha_pattern");
  if (patterns == json.end() || !patterns->is_object()) return settings;
  const std::string path = PathInNetwork(module);
  for (const auto& [pattern, alpha] : patterns->items()) {
    const absl::StatusOr<bool> fits = Fits(pattern, path);
    if (!fits.ok() || !alpha.is_number()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "its alpha_pattern \"", pattern.substr(0, 100), "\" ",
          fits.ok() ? "has a value that is no number" : std::string(fits.status().message())));
    }
    if (!*fits) continue;
    settings.alpha = alpha.get<double>();
    break;
  }
  return settings;
}

std::string Prefix(LoraComponent component) {
  switch (component) {
    case LoraComponent::kUNet:
      return "unet.";
    case LoraComponent::kTextEncoder:
      return "text_encoder.";
    case LoraComponent::kTextEncoder2:
      return "text_encoder_2.";
    case LoraComponent::kUnknown:
      break;
  }
  return {};
}

}  // namespace

PeftMetadata::PeftMetadata(const SafetensorsFile& file) : path_(file.path()) {
  if (const auto found = file.metadata().find("lora_adapter_metadata");
      found != file.metadata().end()) {
    metadata_ = Json::parse(found->second, nullptr, false);
  }
  const std::filesystem::path path(file.path());
  if (path.filename() != "adapter_model.safetensors") return;
  const auto text = ReadTextFile((path.parent_path() / "adapter_config.json").string());
  if (text.ok()) config_ = Json::parse(*text, nullptr, false);
}

absl::StatusOr<PeftSettings> PeftMetadata::For(LoraComponent component,
                                               const std::string& module) const {
  const bool beside = config_.is_object() && config_.contains("lora_alpha");
  const std::string prefix = Prefix(component);
  if (!beside && prefix.empty()) return PeftSettings{};
  absl::StatusOr<PeftSettings> settings =
      beside ? Read(config_, "", module) : Read(metadata_, prefix, module);
  if (settings.ok()) return settings;
  return absl::InvalidArgumentError(
      absl::StrCat("the LoRA ", path_, ": ", std::string(settings.status().message())));
}

}  // namespace patchbay
