#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_TILING_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_TILING_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"

namespace patchbay {

// Whether and how the autoencoder works on overlapping tiles, so that its memory depends on the
// tile and not on the picture. A tile is normalised by its own statistics and attends to itself
// only, so tiles differ in tone from each other and from the whole, the more the smaller they are;
// overlaps are blended linearly to keep seams invisible. The same holds for diffusers'
// AutoencoderKL.tiled_decode, to whose error ours is close; tiles here are equally large instead of
// leaving a narrow rest at the edge.
struct TilingOptions {
  enum class Mode {
    kAutomatic,  // tiles where the whole would need more than memory_limit, or runs out of memory
    kAlways,     // tiles wherever the picture is larger than a tile
    kNever,
  };
  Mode mode = Mode::kAutomatic;
  // Bytes of intermediate results. The default lets Stable Diffusion's autoencoder work on 1024 x
  // 1024 pixels whole in fp32 (3 GiB) and twice that area in bf16. Depends on the model, the
  // precision and the size only, never on what happens to be free, so that a seed gives the same
  // picture everywhere.
  int64_t memory_limit = int64_t{4} << 30;
  // Longest side of a tile and the least that neighbours share, in latent units (8 pixels for
  // Stable Diffusion). At least 1; an overlap beyond half a tile is taken as half a tile.
  int64_t tile = 128;
  int64_t overlap = 32;
};

// One side cut into as few tiles as possible, all equally long: tile i covers [starts[i], starts[i]
// + length), the first begins at 0 and the last ends at `size`.
struct TileCut {
  int64_t length = 0;
  std::vector<int64_t> starts;
};
TileCut CutIntoTiles(int64_t size, const TilingOptions& options);

// A network's input and output elements along one side of a latent unit: decoding {1, 8}, encoding
// {8, 1}.
struct TileScale {
  int64_t input = 1;
  int64_t output = 1;
};

// network(input), computed tile by tile. input: [B, C, height * scale.input, width * scale.input];
// returns what `network` gives, [B, C', height * scale.output, width * scale.output]. Exactly
// network(input) where one tile holds it all. Undefined as soon as `network` gives an undefined
// tensor.
at::Tensor RunTiled(const at::Tensor& input, const TilingOptions& options, const TileScale& scale,
                    absl::FunctionRef<at::Tensor(const at::Tensor&)> network);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_TILING_H_
