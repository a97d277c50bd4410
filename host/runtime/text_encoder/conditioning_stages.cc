#include "host/runtime/text_encoder/conditioning_stages.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace patchbay {
namespace {

// The row of one operand that holds during a call, for each picture; -1 where a picture has no such
// operand.
using RowChoice = std::vector<int64_t>;

int64_t RowAt(const EncodedSubPrompt& sub_prompt, int64_t call) {
  for (const EncodedSubPrompt::Stage& stage : sub_prompt.stages) {
    if (call < stage.end_call) return stage.row;
  }
  return sub_prompt.stages.back().row;
}

RowChoice RowsAt(const std::vector<const EncodedPrompt*>& pictures, size_t operand, int64_t call) {
  RowChoice rows;
  for (const EncodedPrompt* picture : pictures) {
    const bool present = operand < picture->sub_prompts.size();
    rows.push_back(present ? RowAt(picture->sub_prompts[operand], call) : -1);
  }
  return rows;
}

ConditioningPart MakePart(const std::vector<const EncodedPrompt*>& pictures, size_t operand,
                          const RowChoice& rows) {
  ConditioningPart part;
  std::vector<at::Tensor> hidden;
  std::vector<at::Tensor> pooled;
  for (size_t i = 0; i < pictures.size(); ++i) {
    const bool present = rows[i] >= 0;
    const EncodedSubPrompt& source = pictures[i]->sub_prompts[present ? operand : 0];
    const int64_t row = present ? rows[i] : 0;
    hidden.push_back(source.hidden.narrow(0, row, 1));
    if (source.pooled.defined()) pooled.push_back(source.pooled.narrow(0, row, 1));
    part.weights.push_back(present ? source.weight : 0.0);
  }
  part.hidden = at::cat(hidden);
  if (!pooled.empty()) part.pooled = at::cat(pooled);
  return part;
}

std::set<int64_t> Boundaries(const std::vector<const EncodedPrompt*>& pictures) {
  std::set<int64_t> boundaries;
  for (const EncodedPrompt* picture : pictures) {
    for (const EncodedSubPrompt& sub_prompt : picture->sub_prompts) {
      for (const EncodedSubPrompt::Stage& stage : sub_prompt.stages) {
        boundaries.insert(stage.first_call);
        boundaries.insert(stage.end_call);
      }
    }
  }
  return boundaries;
}

}  // namespace

std::vector<ConditioningStage> AssembleStages(const std::vector<const EncodedPrompt*>& pictures) {
  size_t operands = 1;
  for (const EncodedPrompt* picture : pictures) {
    operands = std::max(operands, picture->sub_prompts.size());
  }
  // Alternating prompts come back to the same rows again and again: their tensors are shared.
  std::map<std::pair<size_t, RowChoice>, ConditioningPart> made;
  std::vector<ConditioningStage> stages;
  std::vector<RowChoice> previous;
  const std::set<int64_t> boundaries = Boundaries(pictures);
  for (auto boundary = boundaries.begin(); std::next(boundary) != boundaries.end(); ++boundary) {
    const int64_t end = *std::next(boundary);
    std::vector<RowChoice> rows;
    for (size_t operand = 0; operand < operands; ++operand) {
      rows.push_back(RowsAt(pictures, operand, *boundary));
    }
    if (!stages.empty() && rows == previous) {
      stages.back().end_call = end;
      continue;
    }
    ConditioningStage stage{*boundary, end, {}};
    for (size_t operand = 0; operand < operands; ++operand) {
      const auto key = std::make_pair(operand, rows[operand]);
      auto known = made.find(key);
      if (known == made.end()) {
        known = made.emplace(key, MakePart(pictures, operand, rows[operand])).first;
      }
      stage.parts.push_back(known->second);
    }
    stages.push_back(std::move(stage));
    previous = std::move(rows);
  }
  return stages;
}

int64_t CommonLength(const std::vector<EncodedPrompt*>& prompts) {
  int64_t length = 1;
  for (const EncodedPrompt* prompt : prompts) {
    for (const EncodedSubPrompt& sub_prompt : prompt->sub_prompts) {
      length = std::lcm(length, sub_prompt.hidden.size(1));
      // Beyond any use, and before it can overflow.
      if (length > std::numeric_limits<int32_t>::max()) return length;
    }
  }
  return length;
}

bool EqualizeLengths(const std::vector<EncodedPrompt*>& prompts, const at::Tensor& empty_chunk,
                     int64_t max_tokens) {
  int64_t length = CommonLength(prompts);
  const bool pad = length > max_tokens;
  if (pad) {
    length = 0;
    for (const EncodedPrompt* prompt : prompts) {
      for (const EncodedSubPrompt& sub_prompt : prompt->sub_prompts) {
        length = std::max(length, sub_prompt.hidden.size(1));
      }
    }
  }
  for (EncodedPrompt* prompt : prompts) {
    for (EncodedSubPrompt& sub_prompt : prompt->sub_prompts) {
      at::Tensor& hidden = sub_prompt.hidden;
      const int64_t missing = length - hidden.size(1);
      if (missing == 0) continue;
      if (pad) {
        const int64_t chunks = missing / empty_chunk.size(1);
        hidden = at::cat({hidden, empty_chunk.repeat({hidden.size(0), chunks, 1})}, 1);
      } else {
        hidden = hidden.repeat({1, length / hidden.size(1), 1});
      }
    }
  }
  return pad;
}

}  // namespace patchbay
