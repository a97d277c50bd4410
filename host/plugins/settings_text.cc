#include "host/plugins/settings_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr std::string_view kSpaces = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> Split() {
    std::vector<std::pair<std::string, std::string>> pairs;
    if (Trimmed(text_).empty()) return pairs;
    while (true) {
      PATCHBAY_ASSIGN_OR_RETURN(std::string id, Id());
      PATCHBAY_ASSIGN_OR_RETURN(std::string value, Value());
      pairs.emplace_back(std::move(id), std::move(value));
      if (at_ == text_.size()) return pairs;
      ++at_;  // the comma
    }
  }

 private:
  absl::Status Wrong(const std::string& message) const {
    return absl::InvalidArgumentError(absl::StrCat("settings: ", message, " at character ", at_ + 1,
                                                   "; write field=value,field=value"));
  }

  absl::StatusOr<std::string> Id() {
    const size_t end = text_.find_first_of("=,", at_);
    if (end == std::string_view::npos || text_[end] == ',') {
      const std::string_view part = Trimmed(text_.substr(at_, std::min(end, text_.size()) - at_));
      return Wrong(part.empty()
                       ? "a field is missing"
                       : absl::StrCat("\"", std::string(part.substr(0, 60)), "\" has no value"));
    }
    const std::string_view id = Trimmed(text_.substr(at_, end - at_));
    if (id.empty()) return Wrong("a field's name is missing");
    at_ = end + 1;
    return std::string(id);
  }

  absl::StatusOr<std::string> Value() {
    const size_t begin = std::min(text_.find_first_not_of(kSpaces, at_), text_.size());
    if (begin < text_.size() && text_[begin] == '"') {
      at_ = begin + 1;
      return Quoted();
    }
    const size_t end = std::min(text_.find(',', at_), text_.size());
    const std::string_view value = Trimmed(text_.substr(at_, end - at_));
    at_ = end;
    return std::string(value);
  }

  absl::StatusOr<std::string> Quoted() {
    std::string value;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    if (at_ == text_.size()) return Wrong("the closing quote is missing");
    at_ = std::min(text_.find_first_not_of(kSpaces, at_ + 1), text_.size());
    if (at_ < text_.size() && text_[at_] != ',') return Wrong("a comma is missing");
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> SplitSettings(
    std::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("settings: ", text.size(), " bytes; at most ", kMaxBytes, " are accepted"));
  }
  return Splitter(text).Split();
}

std::string QuoteSetting(const std::string& value) {
  const bool plain = value.find_first_of(",\"") == std::string::npos && Trimmed(value) == value;
  if (plain) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace patchbay
