#include "host/formats/moma_layout.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/excerpt.h"

namespace patchbay {
namespace {

using Tensors = std::map<std::string, SafetensorsTensor, std::less<>>;

constexpr std::string_view kProjectors = "projectors.";
constexpr std::string_view kAttentions = "self_cross_attentions.";
constexpr std::string_view kMapping = "llm_mapping.";
constexpr std::string_view kMappingModule = "mapping.";
constexpr uint64_t kMostAttentions = 10'000;

bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// "7.to_k_ip.weight" with the factor's name as the canonical layout has it.
std::string AttentionName(std::string_view rest) {
  constexpr std::string_view kScale = ".scale_learnable";
  if (rest.size() > kScale.size() && rest.substr(rest.size() - kScale.size()) == kScale) {
    return absl::StrCat(std::string(rest.substr(0, rest.size() - kScale.size())), ".scale");
  }
  return std::string(rest);
}

// Empty for a name that has no place in the layout.
std::string CanonicalName(std::string_view name) {
  if (StartsWith(name, kProjectors)) {
    return absl::StrCat("moma.image_proj.", std::string(name.substr(kProjectors.size())));
  }
  if (StartsWith(name, kAttentions)) {
    return absl::StrCat("moma.attn.", AttentionName(name.substr(kAttentions.size())));
  }
  if (!StartsWith(name, kMapping)) return "";
  name.remove_prefix(kMapping.size());
  if (StartsWith(name, kMappingModule)) name.remove_prefix(kMappingModule.size());
  return absl::StrCat("moma.llm_mapping.", std::string(name));
}

// How many attentions the file has: one more than the highest number.
uint64_t CountAttentions(const Tensors& tensors) {
  uint64_t count = 0;
  for (const auto& [name, tensor] : tensors) {
    if (!StartsWith(name, kAttentions)) continue;
    const std::string_view rest = std::string_view(name).substr(kAttentions.size());
    uint64_t number = 0;
    if (absl::SimpleAtoi(std::string(rest.substr(0, rest.find('.'))), &number) &&
        number < kMostAttentions) {
      count = std::max(count, number + 1);
    }
  }
  return count;
}

std::set<std::string> ExpectedNames(uint64_t attentions) {
  std::set<std::string> names;
  for (const char* const part : {"proj", "norm"}) {
    names.insert(absl::StrCat("moma.image_proj.", part, ".weight"));
    names.insert(absl::StrCat("moma.image_proj.", part, ".bias"));
  }
  for (const char* const part : {"gate", "up", "down"}) {
    names.insert(absl::StrCat("moma.llm_mapping.", part, "_proj.weight"));
  }
  // A self-attention and a cross-attention each.
  for (uint64_t i = 0; i < attentions + attentions % 2; ++i) {
    names.insert(absl::StrCat("moma.attn.", i, ".to_k_ip.weight"));
    names.insert(absl::StrCat("moma.attn.", i, ".to_v_ip.weight"));
    if (i % 2 == 0) names.insert(absl::StrCat("moma.attn.", i, ".scale"));
  }
  return names;
}

std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kMost = 8;
  const std::vector<std::string> first(
      names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, names.size())));
  const std::string more =
      names.size() > kMost ? absl::StrCat(" and ", names.size() - kMost, " more") : "";
  return absl::StrCat(Excerpt(absl::StrJoin(first, ", ")), more);
}

}  // namespace

bool IsMomaFile(const Tensors& tensors) {
  const auto has = [&](std::string_view start) {
    const auto found = tensors.lower_bound(start);
    return found != tensors.end() && StartsWith(found->first, start);
  };
  return has(kProjectors) && has(kAttentions);
}

absl::Status RenameMoma(Tensors& tensors,
                        std::map<std::string, std::string, std::less<>>& metadata) {
  const std::set<std::string> expected = ExpectedNames(CountAttentions(tensors));
  Tensors renamed;
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : tensors) {
    const std::string canonical = CanonicalName(name);
    if (!expected.contains(canonical) || !renamed.emplace(canonical, tensor).second) {
      unexpected.push_back(name);
    }
  }
  std::vector<std::string> missing;
  for (const std::string& name : expected) {
    if (!renamed.contains(name)) missing.push_back(name);
  }
  if (!missing.empty() || !unexpected.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "it looks like MoMA's attn_adapters_projectors.th, but is not complete",
        missing.empty() ? "" : absl::StrCat("; it lacks ", Listed(missing)),
        unexpected.empty() ? "" : absl::StrCat("; it has no place for ", Listed(unexpected)),
        "; download it again"));
  }
  tensors = std::move(renamed);
  metadata = {{"format", "moma"}, {"version", "1"}};
  return absl::OkStatus();
}

}  // namespace patchbay
