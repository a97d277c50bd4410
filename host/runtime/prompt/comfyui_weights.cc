#include "host/runtime/prompt/comfyui_weights.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "host/runtime/prompt/python_text.h"

namespace patchbay {
namespace {

constexpr double kBracketFactor = 1.1;

// Half-open positions in the text and the weight that holds there.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  double weight = 1;
};

// ComfyUI recurses with copies of the text. Here brackets are matched once, and ranges that remain
// to be read wait on a stack, so that deep nesting costs neither time nor call depth.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) { Index(); }

  std::vector<WeightedText> Read() {
    // Only here can there be more closing than opening brackets: each then takes the special
    // meaning from one opening bracket after it.
    int64_t level = 0;
    int64_t start = 0;
    const auto size = static_cast<int64_t>(text_.size());
    for (int64_t i = 0; i < size; ++i) {
      if (IsOpen(i)) {
        if (level == 0) {
          ReadItem(start, i);
          start = i;
        }
        ++level;
      } else if (IsClose(i) && --level == 0) {
        ReadItem(start, i + 1);
        start = i + 1;
      }
    }
    ReadItem(start, size);
    return std::move(pieces_);
  }

 private:
  char At(int64_t i) const { return text_[static_cast<size_t>(i)]; }
  bool IsEscaped(int64_t i) const { return i > 0 && At(i - 1) == '\\'; }
  bool IsOpen(int64_t i) const { return At(i) == '(' && !IsEscaped(i); }
  bool IsClose(int64_t i) const { return At(i) == ')' && !IsEscaped(i); }

  void Index() {
    const size_t size = text_.size();
    closing_.assign(size, -1);
    last_colon_.assign(size + 1, -1);
    last_bracket_.assign(size + 1, -1);
    std::vector<size_t> open;
    for (size_t i = 0; i < size; ++i) {
      const auto position = static_cast<int64_t>(i);
      const bool opens = IsOpen(position);
      const bool closes = IsClose(position);
      if (opens) open.push_back(i);
      if (closes && !open.empty()) {
        closing_[open.back()] = position;
        open.pop_back();
      }
      last_colon_[i + 1] = text_[i] == ':' ? position : last_colon_[i];
      last_bracket_[i + 1] = opens || closes ? position : last_bracket_[i];
    }
  }

  void ReadItem(int64_t begin, int64_t end) {
    if (end - begin >= 2 && IsOpen(begin) && IsClose(end - 1)) {
      PushGroup(begin, end, 1);
    } else {
      Append(begin, end, 1);
    }
    while (!waiting_.empty()) {
      const Range range = waiting_.back();
      waiting_.pop_back();
      ReadRange(range);
    }
  }

  // [begin, end) starts and ends with a bracket; what is between will be read next.
  void PushGroup(int64_t begin, int64_t end, double weight) {
    Range inside{begin + 1, end - 1, weight * kBracketFactor};
    const int64_t colon = last_colon_[static_cast<size_t>(inside.end)];
    const bool bracket_after = last_bracket_[static_cast<size_t>(inside.end)] > colon;
    // Right after the opening bracket a colon means nothing.
    if (colon > inside.begin && !bracket_after) {
      const auto first = static_cast<size_t>(colon + 1);
      const auto value =
          ParsePythonFloat(text_.substr(first, static_cast<size_t>(inside.end) - first));
      if (value.has_value()) {
        inside.weight = *value;
        inside.end = colon;
      }
    }
    waiting_.push_back(inside);
  }

  void ReadRange(const Range& range) {
    for (int64_t i = range.begin; i < range.end; ++i) {
      if (!IsOpen(i)) continue;
      Append(range.begin, i, range.weight);
      const int64_t close = closing_[static_cast<size_t>(i)];
      if (close >= 0 && close < range.end) {
        waiting_.push_back({close + 1, range.end, range.weight});
        PushGroup(i, close + 1, range.weight);
      } else if (IsClose(range.end - 1)) {
        PushGroup(i, range.end, range.weight);
      } else {
        Append(i, range.end, range.weight);
      }
      return;
    }
    Append(range.begin, range.end, range.weight);
  }

  void Append(int64_t begin, int64_t end, double weight) {
    if (begin >= end) return;
    std::string piece;
    for (int64_t i = begin; i < end; ++i) {
      const bool escapes = At(i) == '\\' && i + 1 < end && (At(i + 1) == '(' || At(i + 1) == ')');
      if (!escapes) piece.push_back(At(i));
    }
    pieces_.push_back({std::move(piece), weight});
  }

  std::string_view text_;
  std::vector<int64_t> closing_;       // of the opening bracket at this position; -1 for none
  std::vector<int64_t> last_colon_;    // before this position; -1 for none
  std::vector<int64_t> last_bracket_;  // likewise
  std::vector<Range> waiting_;
  std::vector<WeightedText> pieces_;
};

}  // namespace

std::vector<WeightedText> ParseComfyuiWeights(std::string_view text) { return Reader(text).Read(); }

}  // namespace patchbay
