#include "plugins/ip-adapter/src/image_tokens.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "plugins/clip_vision/src/file_stamp.h"
#include "plugins/ip-adapter/src/image_projection.h"

namespace ip_adapter {
namespace {

std::string Key(const Adapter& adapter, const clip_vision::VisionEncoder& encoder,
                const at::Tensor& squares) {
  const std::string& network = encoder.weights().name();
  const std::string config =
      (std::filesystem::path(network).parent_path() / "config.json").string();
  const std::string_view bytes(reinterpret_cast<const char*>(squares.const_data_ptr<uint8_t>()),
                               static_cast<size_t>(squares.numel()));
  return clip_vision::FileStamp(adapter.weights().name()) + clip_vision::FileStamp(network) +
         clip_vision::FileStamp(config) + std::to_string(std::hash<std::string_view>()(bytes));
}

struct Made {
  at::Tensor squares;
  at::Tensor tokens;
};

}  // namespace

patchbay::File EncoderFor(const patchbay::File& adapter, const patchbay::File& encoder) {
  if (!encoder.path.empty()) return encoder;
  const std::filesystem::path folder = std::filesystem::path(adapter.path).parent_path();
  for (const char* const name : {"image_encoder.safetensors", "image_encoder/model.safetensors"}) {
    std::error_code failed;
    if (std::filesystem::is_regular_file(folder / name, failed)) return {(folder / name).string()};
  }
  throw patchbay::Error(
      "there is no image encoder beside the adapter; give the one that it was made with, as in "
      "encoder=image_encoder/model.safetensors");
}

at::Tensor SharedImageTokens(patchbay::Attach& at, const Adapter& adapter,
                             const clip_vision::VisionEncoder& encoder, const at::Tensor& squares) {
  const Made& made = at.shared(Key(adapter, encoder, squares), [&] {
    return std::make_unique<Made>(Made{squares, ImageTokens(adapter, encoder, squares)});
  });
  // Two sets of pictures may have the same hash.
  if (at::equal(made.squares, squares)) return made.tokens;
  return ImageTokens(adapter, encoder, squares);
}

}  // namespace ip_adapter
