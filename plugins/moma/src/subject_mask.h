#ifndef PATCHBAY_PLUGINS_MOMA_SRC_SUBJECT_MASK_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_SUBJECT_MASK_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace moma {

// How strongly each query of one row attends to some of the text's tokens, [N] in fp32: the softmax
// over all tokens, averaged over the heads, summed over the chosen ones. query: [N, heads * width];
// key: [S, heads * width]; tokens: their places, [n] of int64, at least one.
at::Tensor AttentionTo(const at::Tensor& query, const at::Tensor& key, int64_t heads,
                       const at::Tensor& tokens);

// Brought to 0..1 by its smallest and largest number; all 0 where it is constant. `rows` are
// brought there each by itself: [R, ...].
at::Tensor Stretched(const at::Tensor& rows);

// Where a subject is drawn, from what the layers of one step have paid attention to: the average of
// their maps, each stretched, on one canvas.
class SubjectMap {
 public:
  // A layer's map for R rows, [R, N] on a grid of height x width queries; to a canvas of
  // canvas_height x canvas_width.
  void Add(const at::Tensor& attention, int64_t height, int64_t width, int64_t canvas_height,
           int64_t canvas_width);
  bool is_empty() const { return count_ == 0; }

  // [R, h, w] in 0..1, 0 wherever the average, stretched, is at most the threshold. `rows_together`
  // stretches all rows as one, as the authors' code does. Forgets what was added.
  at::Tensor Take(double threshold, bool rows_together);

 private:
  at::Tensor sum_;  // [R, 1, h, w]
  int64_t count_ = 0;
};

// A mask [B, h, w] at an attention's queries: [B, height * width, 1], of the nearest pixel.
at::Tensor AtQueries(const at::Tensor& mask, int64_t height, int64_t width);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_SUBJECT_MASK_H_
