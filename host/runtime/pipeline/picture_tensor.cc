#include "host/runtime/pipeline/picture_tensor.h"

#include <cstring>

namespace patchbay {

std::vector<Picture> PicturesFromTensor(const at::Tensor& tensor, CompatProfile profile) {
  at::Tensor levels = ((tensor.to(at::kFloat) + 1) / 2).clamp(0, 1) * 255;
  if (profile == CompatProfile::kDiffusers) levels = levels.round();
  const at::Tensor bytes = levels.to(at::kByte).permute({0, 2, 3, 1}).contiguous().cpu();
  std::vector<Picture> pictures;
  for (const at::Tensor& one : bytes.unbind(0)) {
    Picture picture;
    picture.height = static_cast<int>(one.size(0));
    picture.width = static_cast<int>(one.size(1));
    picture.channels = static_cast<int>(one.size(2));
    picture.pixels.resize(static_cast<size_t>(one.numel()));
    std::memcpy(picture.pixels.data(), one.data_ptr(), picture.pixels.size());
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

namespace {

// Shares the picture's memory.
at::Tensor BytesOf(const Picture& picture) {
  return at::from_blob(const_cast<uint8_t*>(picture.pixels.data()),
                       {1, picture.height, picture.width, picture.channels}, at::kByte);
}

}  // namespace

at::Tensor TensorFromPicture(const Picture& picture) {
  const at::Tensor bytes = BytesOf(picture);
  at::Tensor rgb = picture.channels == 1 ? bytes.expand({-1, -1, -1, 3}) : bytes.slice(3, 0, 3);
  return rgb.to(at::kFloat).permute({0, 3, 1, 2}).contiguous() / 127.5 - 1;
}

at::Tensor OpacityFromPicture(const Picture& picture) {
  return BytesOf(picture).slice(3, 3, 4).to(at::kFloat).permute({0, 3, 1, 2}).contiguous() / 255;
}

}  // namespace patchbay
