#include "host/runtime/prompt/prompt_schedule.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/runtime/prompt/prompt_editing.h"
#include "host/runtime/prompt/python_text.h"

namespace patchbay {
namespace {

// The last step before the change; below 1 when it has happened before the first step.
int64_t ChangeStep(std::string_view when, int64_t steps, std::optional<int64_t> steps_before) {
  // The grammar's numbers are Python's; what is out of range there is beyond all steps.
  double value = ParsePythonFloat(when).value_or(when.starts_with('-') ? -1e300 : 1e300);
  const auto count = static_cast<double>(steps);
  if (when.find('.') != std::string_view::npos) {
    value = (value - (steps_before.has_value() ? 1.0 : 0.0)) * count;
  } else {
    value -= static_cast<double>(steps_before.value_or(0));
  }
  return static_cast<int64_t>(std::trunc(std::clamp(value, -1.0, count)));
}

class Schedule {
 public:
  Schedule(std::string_view text, int64_t steps, std::optional<int64_t> steps_before)
      : text_(text), steps_(steps), constructs_(FindEditing(text)) {
    ends_.insert(steps);
    for (const EditingConstruct& construct : constructs_) {
      alternates_ |= construct.alternates;
      changes_.push_back(construct.alternates ? 0
                                              : ChangeStep(construct.when, steps, steps_before));
      if (changes_.back() >= 1) ends_.insert(changes_.back());
    }
  }

  absl::StatusOr<std::vector<ScheduledText>> Versions() {
    const int64_t versions = alternates_ ? steps_ : static_cast<int64_t>(ends_.size());
    if (versions > kMaxPromptVersions ||
        static_cast<size_t>(versions) * text_.size() > kMaxEditedBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "prompt editing would make ", versions, " versions of a text of ", text_.size(),
          " bytes; use fewer alternations or changes, or a shorter prompt"));
    }
    std::vector<ScheduledText> result;
    if (alternates_) {
      for (int64_t step = 1; step <= steps_; ++step) ends_.insert(step);
    }
    for (const int64_t step : ends_) result.push_back({step, TextAt(step)});
    return result;
  }

 private:
  // What the construct shows at a step, as positions [begin, end).
  std::pair<size_t, size_t> PartAt(size_t index, int64_t step) const {
    const EditingConstruct& construct = constructs_[index];
    const std::vector<size_t>& separators = construct.separators;
    size_t part = 0;
    if (construct.alternates) {
      part = static_cast<size_t>(step - 1) % (separators.size() + 1);
    } else if (step > changes_[index]) {
      part = separators.size() - 1;
    } else if (separators.size() == 1) {
      return {construct.open, construct.open};  // [to:when] shows nothing at first
    }
    const size_t begin = (part == 0 ? construct.open : separators[part - 1]) + 1;
    return {begin, part < separators.size() ? separators[part] : construct.close};
  }

  std::string TextAt(int64_t step) const {
    std::string result;
    // Where the parts that are being copied end, and where to go on after each.
    std::vector<std::pair<size_t, size_t>> inside = {{text_.size(), text_.size()}};
    size_t next = 0;  // construct
    size_t position = 0;
    while (!inside.empty()) {
      const auto [end, resume] = inside.back();
      while (next < constructs_.size() && constructs_[next].open < position) ++next;
      const bool meets_construct = next < constructs_.size() && constructs_[next].open < end;
      const size_t stop = meets_construct ? constructs_[next].open : end;
      result.append(text_.substr(position, stop - position));
      if (meets_construct) {
        const auto [begin, part_end] = PartAt(next, step);
        inside.emplace_back(part_end, constructs_[next].close + 1);
        position = begin;
        ++next;
      } else {
        position = resume;
        inside.pop_back();
      }
    }
    return result;
  }

  std::string_view text_;
  int64_t steps_;
  std::vector<EditingConstruct> constructs_;
  std::vector<int64_t> changes_;  // for each construct; unused where it alternates
  std::set<int64_t> ends_;
  bool alternates_ = false;
};

}  // namespace

absl::StatusOr<std::vector<ScheduledText>> SchedulePrompt(std::string_view text, int64_t steps,
                                                          std::optional<int64_t> steps_before) {
  return Schedule(text, std::max<int64_t>(steps, 1), steps_before).Versions();
}

}  // namespace patchbay
