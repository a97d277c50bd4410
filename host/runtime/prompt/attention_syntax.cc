#include "host/runtime/prompt/attention_syntax.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "host/runtime/prompt/python_text.h"

namespace patchbay {
namespace {

constexpr double kRoundFactor = 1.1;
constexpr double kSquareFactor = 1 / 1.1;
constexpr double kBreakWeight = -1;
constexpr std::string_view kBreak = "BREAK";
constexpr std::string_view kSyntax = "\\()[]:";

// Weights are multiplied one by one, in A1111's order, since pieces are joined where they are
// exactly equal. This many multiplications take some milliseconds; bracket by bracket, only
// thousands of unclosed ones need more.
constexpr size_t kMaxMultiplications = size_t{1} << 22;

// What ":1.5)" consists of.
struct ClosingWeight {
  double weight = 1;
  size_t length = 0;
};

// `text` starts with a colon.
std::optional<ClosingWeight> ReadClosingWeight(std::string_view text) {
  const std::string_view number = StripPythonSpaceLeft(text.substr(1));
  size_t length = number.starts_with('+') || number.starts_with('-') ? 1 : 0;
  while (length < number.size() && (number[length] == '.' || absl::ascii_isdigit(number[length]))) {
    ++length;
  }
  const std::string_view rest = StripPythonSpaceLeft(number.substr(length));
  if (!rest.starts_with(')')) return std::nullopt;
  const std::optional<double> weight = ParsePythonFloat(number.substr(0, length));
  if (!weight.has_value()) return std::nullopt;
  return ClosingWeight{*weight, text.size() - rest.size() + 1};
}

class Reader {
 public:
  absl::StatusOr<std::vector<WeightedText>> Read(std::string_view text) {
    for (size_t position = 0; position < text.size();) {
      position += ReadNext(text.substr(position));
      if (multiplications_ > kMaxMultiplications) return TooDeep();
    }
    // Round brackets first, the outermost first.
    for (const size_t first : round_) Multiply(first, kRoundFactor);
    for (const size_t first : square_) Multiply(first, kSquareFactor);
    if (multiplications_ > kMaxMultiplications) return TooDeep();
    return Joined();
  }

 private:
  // Reads what `text` starts with and returns its length.
  size_t ReadNext(std::string_view text) {
    switch (text[0]) {
      case '\\': {
        const bool escapes =
            text.size() > 1 && text[1] != ':' && kSyntax.find(text[1]) != std::string_view::npos;
        pieces_.push_back({std::string(text.substr(1, escapes ? 1 : 0)), 1});
        return escapes ? 2 : 1;
      }
      case '(':
        round_.push_back(pieces_.size());
        return 1;
      case '[':
        square_.push_back(pieces_.size());
        return 1;
      case ':':
        if (const auto closing = ReadClosingWeight(text)) {
          if (!Close(round_, closing->weight)) AddText(text.substr(0, closing->length));
          return closing->length;
        }
        AddText(text.substr(0, 1));
        return 1;
      case ')':
        if (!Close(round_, kRoundFactor)) AddText(text.substr(0, 1));
        return 1;
      case ']':
        if (!Close(square_, kSquareFactor)) AddText(text.substr(0, 1));
        return 1;
      default: {
        const std::string_view run = text.substr(0, text.find_first_of(kSyntax));
        AddText(run);
        return run.size();
      }
    }
  }

  bool Close(std::vector<size_t>& open, double factor) {
    if (open.empty()) return false;
    Multiply(open.back(), factor);
    open.pop_back();
    return true;
  }

  void Multiply(size_t first, double factor) {
    multiplications_ += pieces_.size() - first;
    if (multiplications_ > kMaxMultiplications) return;
    for (size_t i = first; i < pieces_.size(); ++i) pieces_[i].weight *= factor;
  }

  // Splits at BREAK, which takes the white space around it along.
  void AddText(std::string_view text) {
    size_t start = 0;
    for (const size_t position : FindWord(text, kBreak)) {
      const std::string_view before = text.substr(start, position - start);
      pieces_.push_back({std::string(StripPythonSpaceRight(before)), 1});
      pieces_.push_back({std::string(kBreak), kBreakWeight});
      const std::string_view rest = text.substr(position + kBreak.size());
      start = text.size() - StripPythonSpaceLeft(rest).size();
    }
    pieces_.push_back({std::string(text.substr(start)), 1});
  }

  std::vector<WeightedText> Joined() {
    std::vector<WeightedText> joined;
    for (WeightedText& piece : pieces_) {
      if (!joined.empty() && joined.back().weight == piece.weight) {
        joined.back().text += piece.text;
      } else {
        joined.push_back(std::move(piece));
      }
    }
    if (joined.empty()) joined.push_back({"", 1});
    return joined;
  }

  static absl::Status TooDeep() {
    return absl::InvalidArgumentError(
        "the prompt's attention brackets nest too deeply; close them, or use (text:weight)");
  }

  std::vector<WeightedText> pieces_;
  // For each open bracket the first piece after it.
  std::vector<size_t> round_;
  std::vector<size_t> square_;
  size_t multiplications_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<WeightedText>> ParseAttention(std::string_view text) {
  return Reader().Read(text);
}

bool IsBreak(const WeightedText& piece) {
  return piece.text == kBreak && piece.weight == kBreakWeight;
}

}  // namespace patchbay
