#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_LAYOUT_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_LAYOUT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

enum class TinyHalf { kEncoder, kDecoder };

// What stands at each place of a tiny autoencoder's sequence of modules.
enum class TinyLayer {
  kConvolution,  // 3x3 with bias; the sequence's first and last
  kRelu,
  kBlock,    // three 3x3 convolutions around a skip connection
  kHalving,  // 3x3 without bias in steps of two
  kUpsample,
  kConvolutionWithoutBias,  // 3x3, after an upsampling
};

// One half's modules as a file numbers them.
struct TinyLayout {
  // "decoder.layers" in diffusers' AutoencoderTiny, "" in the original's taesd_decoder.safetensors.
  std::string path;
  // The number of the first module: the original counts the decoder's clamp as module 0.
  int first = 0;
  std::vector<TinyLayer> layers;
};

// Finds one half in a file and derives its sequence from which names there are, since modules
// without weights (ReLU, upsampling) leave gaps in the numbering. A gap that none of those explains
// is taken for what should be there, so that reading it names the missing tensor. INVALID_ARGUMENT
// when the file holds no such half; `file` is what the message calls it.
absl::StatusOr<TinyLayout> FindTinyLayout(const WeightMap& weights, TinyHalf half,
                                          const std::string& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_TINY_LAYOUT_H_
