#include "host/runtime/prompt/prompt_editing.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "host/runtime/prompt/python_text.h"

namespace patchbay {
namespace {

size_t SkipDigits(std::string_view text, size_t position) {
  while (position < text.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[position]))) {
    ++position;
  }
  return position;
}

// Whether all of `text` is the grammar's SIGNED_NUMBER: "3", "+3.", ".5", "-1.5e1".
bool IsSignedNumber(std::string_view text) {
  size_t position = text.starts_with('+') || text.starts_with('-') ? 1 : 0;
  const size_t start = position;
  position = SkipDigits(text, position);
  size_t digits = position - start;
  if (position < text.size() && text[position] == '.') {
    const size_t fraction = ++position;
    position = SkipDigits(text, position);
    digits += position - fraction;
  }
  if (digits == 0) return false;
  if (position < text.size() && (text[position] == 'e' || text[position] == 'E')) {
    ++position;
    if (position < text.size() && (text[position] == '+' || text[position] == '-')) ++position;
    const size_t exponent = position;
    position = SkipDigits(text, position);
    if (position == exponent) return false;
  }
  return position == text.size();
}

// Within a construct the grammar wants brackets that match and form constructs themselves. So one
// bracket that does not, makes text of itself and of all that are open around it.
class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  std::vector<EditingConstruct> Find() {
    for (size_t i = 0; i < text_.size(); ++i) {
      switch (text_[i]) {
        case '\\':
          if (++i == text_.size() || text_[i] == '\n') return {};
          break;
        case '(':
        case '[':
          open_.push_back({i, separators_.size()});
          break;
        case ')':
        case ']':
          Close(i);
          break;
        case ':':
          if (!open_.empty()) separators_.push_back(i);
          break;
        case '|':
          ++bars_;
          if (!open_.empty()) separators_.push_back(i);
          break;
        default:
          break;
      }
    }
    // The grammar has no "|" but that of an alternation.
    if (bars_ != alternating_bars_) return {};
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.open < b.open; });
    return std::move(found_);
  }

 private:
  struct OpenBracket {
    size_t position = 0;
    size_t first_separator = 0;
  };

  void Close(size_t close) {
    const bool matches =
        !open_.empty() && (text_[open_.back().position] == '(') == (text_[close] == ')');
    if (!matches || !Accept(open_.back(), close)) {
      open_.clear();
      separators_.clear();
      return;
    }
    separators_.resize(open_.back().first_separator);
    open_.pop_back();
  }

  // Records the construct between two matching brackets, if it is one; false when they are text.
  bool Accept(const OpenBracket& open, size_t close) {
    const std::vector<size_t> separators(
        separators_.begin() + static_cast<std::ptrdiff_t>(open.first_separator), separators_.end());
    const auto bars = static_cast<size_t>(
        std::count_if(separators.begin(), separators.end(),
                      [this](size_t position) { return text_[position] == '|'; }));
    const size_t colons = separators.size() - bars;
    if (text_[close] == ')') return bars == 0 && colons <= 1;
    if (separators.empty()) return true;
    if (bars > 0) {
      if (colons > 0) return false;
      alternating_bars_ += bars;
      found_.push_back({open.position, close, separators, true, {}});
      return true;
    }
    if (colons > 2) return false;
    const size_t last = separators.back();
    const std::string_view when =
        StripPythonSpaceLeft(StripPythonSpaceRight(text_.substr(last + 1, close - last - 1)));
    if (!IsSignedNumber(when)) return false;
    found_.push_back({open.position, close, separators, false, when});
    return true;
  }

  std::string_view text_;
  std::vector<OpenBracket> open_;
  std::vector<size_t> separators_;  // of the open brackets
  std::vector<EditingConstruct> found_;
  size_t bars_ = 0;
  size_t alternating_bars_ = 0;
};

}  // namespace

std::vector<EditingConstruct> FindEditing(std::string_view text) { return Finder(text).Find(); }

}  // namespace patchbay
