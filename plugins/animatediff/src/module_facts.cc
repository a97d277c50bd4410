// What is written down beside a module's tensors.

#include <patchbay/error.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "plugins/animatediff/src/motion_file.h"

namespace animatediff {
namespace {

constexpr int64_t kMost = 65536;

[[noreturn]] void Refuse(const std::string& file, const std::string& reason) {
  throw patchbay::Error("module: " + file + " " + reason);
}

int64_t Checked(const std::string& file, const std::string& key, int64_t number) {
  if (number >= 1 && number <= kMost) return number;
  Refuse(file, "says that " + key + " is " + std::to_string(number) + ", which cannot be");
}

// A number, or a list of the same number for every block.
std::optional<int64_t> NumberIn(const std::string& file, const nlohmann::json& config,
                                const std::string& key) {
  if (!config.is_object() || !config.contains(key)) return std::nullopt;
  const nlohmann::json& value = config[key];
  if (value.is_number_integer()) return Checked(file, key, value.get<int64_t>());
  if (value.is_array() && !value.empty() && value.front().is_number_integer()) {
    for (const nlohmann::json& number : value) {
      if (number != value.front()) {
        Refuse(file, "has a config.json whose " + key +
                         " differs between blocks, which cannot be computed here");
      }
    }
    return Checked(file, key, value.front().get<int64_t>());
  }
  Refuse(file, "has a config.json whose " + key + " is no whole number");
}

std::optional<int64_t> NumberFrom(const std::string& file, const std::string& key,
                                  const std::string& text) {
  if (text.empty()) return std::nullopt;
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    Refuse(file, "has \"" + text.substr(0, 80) + "\" as its metadata " + key +
                     ", which is no whole number");
  }
  return Checked(file, key, number);
}

}  // namespace

ModuleFacts FactsFrom(const std::string& file, const std::string& heads_metadata,
                      const std::string& groups_metadata, const std::string& over_frames_metadata,
                      const std::string& config) {
  ModuleFacts facts;
  facts.heads = NumberFrom(file, "num_attention_heads", heads_metadata);
  facts.norm_groups = NumberFrom(file, "norm_num_groups", groups_metadata);
  if (!over_frames_metadata.empty()) {
    if (over_frames_metadata != "true" && over_frames_metadata != "false") {
      Refuse(file, "has \"" + over_frames_metadata.substr(0, 80) +
                       "\" as its metadata norm_over_frames; it must be true or false");
    }
    facts.norm_over_frames = over_frames_metadata == "true";
  }
  if (config.empty()) return facts;
  const nlohmann::json parsed = nlohmann::json::parse(config, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) Refuse(file, "has a config.json beside it that is no JSON");
  if (!facts.heads) facts.heads = NumberIn(file, parsed, "motion_num_attention_heads");
  if (!facts.norm_groups) facts.norm_groups = NumberIn(file, parsed, "motion_norm_num_groups");
  return facts;
}

}  // namespace animatediff
