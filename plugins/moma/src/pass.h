#ifndef PATCHBAY_PLUGINS_MOMA_SRC_PASS_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_PASS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "plugins/moma/src/reference_keys.h"
#include "plugins/moma/src/subject_mask.h"

namespace moma {

// What a pass keeps. One thread.
class Pass {
 public:
  Pass(size_t blocks, uint32_t picture_count)
      : references(blocks), tokens(blocks), pictures(picture_count) {}

  // By block, in the order in which the network runs. Of the reference's self-attention; undefined
  // until it was recorded, and where the subject is nowhere.
  std::vector<image_prompt::KeysAndValues> references;
  bool is_recorded = false;
  // Of the content tokens, as the network computes; undefined until they were converted.
  std::vector<image_prompt::KeysAndValues> tokens;

  // That are drawn together.
  const uint32_t pictures;
  // What this step has paid attention to so far.
  SubjectMap map;
  // Where the prompts have the subject's tokens, [R, T], and for which step that was asked.
  at::Tensor positions;
  int32_t positions_step = -1;

  // Where the terms act from now on, [B, h, w]; undefined: everywhere.
  void SetMask(at::Tensor mask) {
    mask_ = std::move(mask);
    at_queries_.clear();
  }
  // The same at queries, [rows, height * width, 1]; row r is of picture r % B. Undefined:
  // everywhere.
  at::Tensor GateAt(int64_t height, int64_t width, int64_t rows, const at::TensorOptions& options) {
    if (!mask_.defined()) return {};
    at::Tensor& kept = at_queries_[{height, width}];
    if (!kept.defined()) kept = AtQueries(mask_, height, width).to(options);
    return kept.repeat({rows / kept.size(0), 1, 1});
  }

 private:
  at::Tensor mask_;
  std::map<std::pair<int64_t, int64_t>, at::Tensor> at_queries_;
};

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_PASS_H_
