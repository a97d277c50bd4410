#include "host/runtime/autoencoder/tiling.h"

#include <algorithm>

namespace patchbay {
namespace {

constexpr int64_t kHeight = 2;
constexpr int64_t kWidth = 3;

// Writes `part` into `whole` from `start` on. What lies before `filled` has been written already
// and is faded into the part: equal values stay exactly as they are.
void BlendInto(at::Tensor& whole, const at::Tensor& part, int64_t dimension, int64_t start,
               int64_t filled) {
  const int64_t shared = filled - start;
  if (shared > 0) {
    std::vector<int64_t> shape(4, 1);
    shape[static_cast<size_t>(dimension)] = shared;
    const at::Tensor weights = (at::arange(shared, part.options()) + 0.5) / shared;
    at::Tensor seam = whole.narrow(dimension, start, shared);
    seam.copy_(at::lerp(seam, part.narrow(dimension, 0, shared), weights.view(shape)));
  }
  const int64_t fresh = part.size(dimension) - shared;
  whole.narrow(dimension, filled, fresh).copy_(part.narrow(dimension, shared, fresh));
}

at::Tensor EmptyLike(const at::Tensor& tile, int64_t height, int64_t width) {
  return at::empty({tile.size(0), tile.size(1), height, width}, tile.options());
}

}  // namespace

TileCut CutIntoTiles(int64_t size, const TilingOptions& options) {
  const int64_t tile = std::max<int64_t>(options.tile, 1);
  const int64_t overlap = std::clamp<int64_t>(options.overlap, 0, tile / 2);
  if (size <= tile) return {size, {0}};
  // The fewest tiles that share `overlap`, then the shortest length with which that many do.
  const int64_t advance = tile - overlap;
  const int64_t count = (size - overlap + advance - 1) / advance;
  TileCut cut;
  cut.length = (size + (count - 1) * overlap + count - 1) / count;
  for (int64_t i = 0; i < count; ++i) {
    cut.starts.push_back((size - cut.length) * i / (count - 1));
  }
  return cut;
}

at::Tensor RunTiled(const at::Tensor& input, const TilingOptions& options, const TileScale& scale,
                    absl::FunctionRef<at::Tensor(const at::Tensor&)> network) {
  const int64_t height = input.size(kHeight) / scale.input;
  const int64_t width = input.size(kWidth) / scale.input;
  const TileCut rows = CutIntoTiles(height, options);
  const TileCut columns = CutIntoTiles(width, options);
  if (rows.starts.size() == 1 && columns.starts.size() == 1) return network(input);

  at::Tensor whole;
  at::Tensor strip;
  int64_t filled_rows = 0;
  for (const int64_t top : rows.starts) {
    const at::Tensor band = input.narrow(kHeight, top * scale.input, rows.length * scale.input);
    int64_t filled_columns = 0;
    for (const int64_t left : columns.starts) {
      const at::Tensor tile =
          network(band.narrow(kWidth, left * scale.input, columns.length * scale.input));
      if (!tile.defined()) return {};
      if (!whole.defined()) {
        whole = EmptyLike(tile, height * scale.output, width * scale.output);
        strip = EmptyLike(tile, rows.length * scale.output, width * scale.output);
      }
      BlendInto(strip, tile, kWidth, left * scale.output, filled_columns * scale.output);
      filled_columns = left + columns.length;
    }
    BlendInto(whole, strip, kHeight, top * scale.output, filled_rows * scale.output);
    filled_rows = top + rows.length;
  }
  return whole;
}

}  // namespace patchbay
