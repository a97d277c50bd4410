// patchbay_clip_vision_probe ENCODER IN OUT: reads pictures, [1, 3, H, W] in 0..1 each, from the
// safetensors file IN, and writes what the vision encoder sees of them ("squares"), their
// embeddings and their penultimate hidden states, each stacked in the order of the pictures' names.

#include <iostream>

#include "host/plugins/host_functions.h"
#include "patchbay/aten.h"
#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/clip_vision/src/vision_encoder.h"
#include "tests/parity/checkpoint/dump.h"

namespace patchbay {
namespace {

absl::Status Run(const std::string& encoder_path, const std::string& in, const std::string& out) {
  const clip_vision::VisionEncoder encoder =
      clip_vision::OpenVisionEncoder(TensorFile(&HostFunctions(), encoder_path));
  const TensorFile pictures(&HostFunctions(), in);
  std::vector<at::Tensor> squares;
  for (const std::string& name : pictures.names()) {
    squares.push_back(clip_vision::CentreSquare(clip_vision::Pixels(pictures.tensor(name)),
                                                encoder.config().picture_size()));
  }
  const at::Tensor stacked = at::stack(squares);
  const at::Tensor seen = clip_vision::Normalised(stacked);
  return DumpTensors(out, {{"squares", stacked},
                           {"pixel_values", seen},
                           {"image_embeds", encoder.ImageEmbeds(seen)},
                           {"states", encoder.PenultimateStates(seen)}});
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: patchbay_clip_vision_probe ENCODER IN OUT\n";
    return 2;
  }
  try {
    const absl::Status status = patchbay::Run(argv[1], argv[2], argv[3]);
    if (status.ok()) return 0;
    std::cerr << status.ToString() << "\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
  }
  return 1;
}
