#include "host/runtime/prompt/wildcards.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/prompt.h"
#include "host/runtime/prompt/wildcard_folder.h"

namespace patchbay {
namespace {

constexpr std::string_view kMark = "__";

uint64_t SplitMix64(uint64_t& state) {
  uint64_t x = state += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '/' ||
         c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

// The name of the wildcard that `text` starts with; empty when it starts with none.
std::string_view NameAtStart(std::string_view text) {
  if (!text.starts_with(kMark)) return {};
  text.remove_prefix(kMark.size());
  const std::string_view name = text.substr(0, std::min(text.find(kMark), text.size()));
  if (name.size() == text.size() || name.starts_with('_')) return {};
  for (const char c : name) {
    if (!IsNameCharacter(c)) return {};
  }
  return name;
}

class Expander {
 public:
  Expander(const std::string& folder, uint64_t seed) : folder_(folder), state_(seed) {}

  absl::StatusOr<std::string> Expand(std::string_view text) {
    PATCHBAY_RETURN_IF_ERROR(Append(text));
    return std::move(result_);
  }

 private:
  absl::Status Append(std::string_view text) {
    while (!text.empty()) {
      const size_t plain = std::min(text.find(kMark), text.size());
      PATCHBAY_RETURN_IF_ERROR(AppendPlain(text.substr(0, plain)));
      text.remove_prefix(plain);
      if (text.empty()) break;
      const std::string_view name = NameAtStart(text);
      if (name.empty()) {
        // One character on: in "___name__" the wildcard starts at the second underscore.
        PATCHBAY_RETURN_IF_ERROR(AppendPlain(text.substr(0, 1)));
        text.remove_prefix(1);
        continue;
      }
      PATCHBAY_RETURN_IF_ERROR(AppendChoice(name));
      text.remove_prefix(name.size() + 2 * kMark.size());
    }
    return absl::OkStatus();
  }

  absl::Status AppendChoice(std::string_view name) {
    if (path_.size() >= kMaxWildcardDepth) {
      std::string chain;
      for (const std::string& outer : path_) absl::StrAppend(&chain, outer, " > ");
      return absl::InvalidArgumentError(absl::StrCat("wildcards nest more than ", kMaxWildcardDepth,
                                                     " deep: ", chain, std::string(name),
                                                     "; one of them may name itself"));
    }
    if (++choices_ > kMaxWildcardChoices) {
      return absl::InvalidArgumentError(
          absl::StrCat("the prompt asks for more than ", kMaxWildcardChoices, " wildcards"));
    }
    PATCHBAY_ASSIGN_OR_RETURN(const std::vector<std::string>* lines, folder_.Lines(name));
    const absl::uint128 product = absl::uint128(SplitMix64(state_)) * lines->size();
    const std::string& line = (*lines)[absl::Uint128High64(product)];
    path_.emplace_back(name);
    PATCHBAY_RETURN_IF_ERROR(Append(line));
    path_.pop_back();
    return absl::OkStatus();
  }

  absl::Status AppendPlain(std::string_view text) {
    if (result_.size() + text.size() > kMaxPromptBytes) {
      return absl::InvalidArgumentError(absl::StrCat("with its wildcards replaced the prompt has ",
                                                     "more than ", kMaxPromptBytes, " bytes"));
    }
    result_.append(text);
    return absl::OkStatus();
  }

  WildcardFolder folder_;
  uint64_t state_;
  std::string result_;
  std::vector<std::string> path_;  // the wildcards that are being replaced
  int choices_ = 0;
};

}  // namespace

absl::StatusOr<std::string> ExpandWildcards(std::string_view text, const std::string& folder,
                                            uint64_t seed) {
  return Expander(folder, seed).Expand(text);
}

}  // namespace patchbay
