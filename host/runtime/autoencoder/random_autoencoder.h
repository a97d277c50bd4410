// An autoencoder with weights made up on the spot, for tests.

#ifndef PATCHBAY_HOST_RUNTIME_AUTOENCODER_RANDOM_AUTOENCODER_H_
#define PATCHBAY_HOST_RUNTIME_AUTOENCODER_RANDOM_AUTOENCODER_H_

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/runtime/autoencoder/autoencoder.h"

namespace patchbay {

// AutoencoderKL's tensors, one resnet a level in the encoder and two in the decoder. Weights keep
// the size of what passes through them, so that rounding errors do not grow.
class RandomAutoencoder {
 public:
  explicit RandomAutoencoder(std::vector<int64_t> widths, int64_t groups = 4)
      : widths_(std::move(widths)) {
    config_.norm_groups = groups;
    at::manual_seed(7);
    AddHalf("encoder", "down_blocks", "downsamplers", widths_, 3, 8, 1);
    AddHalf("decoder", "up_blocks", "upsamplers", {widths_.rbegin(), widths_.rend()}, 4, 3, 2);
    AddConvolution("quant_conv", 8, 8, 1);
    AddConvolution("post_quant_conv", 4, 4, 1);
  }

  at::Tensor& operator[](const std::string& name) { return map_[name].tensor; }
  WeightMap& map() { return map_; }
  AutoencoderConfig& config() { return config_; }

  absl::StatusOr<std::unique_ptr<const Autoencoder>> Load(at::ScalarType precision) const {
    WeightReader reader("the test", map_, precision, at::kCPU);
    return Autoencoder::Load(reader, config_);
  }

 private:
  void AddConvolution(const std::string& path, int64_t in, int64_t out, int64_t kernel) {
    const double gain = 1.0 / std::sqrt(static_cast<double>(in * kernel * kernel));
    map_[path + ".weight"].tensor = at::randn({out, in, kernel, kernel}) * gain;
    map_[path + ".bias"].tensor = at::randn({out}) * 0.1;
  }

  void AddNorm(const std::string& path, int64_t width) {
    map_[path + ".weight"].tensor = 1 + at::randn({width}) * 0.1;
    map_[path + ".bias"].tensor = at::randn({width}) * 0.1;
  }

  void AddResnet(const std::string& path, int64_t in, int64_t out) {
    AddNorm(path + ".norm1", in);
    AddConvolution(path + ".conv1", in, out, 3);
    AddNorm(path + ".norm2", out);
    AddConvolution(path + ".conv2", out, out, 3);
    if (in != out) AddConvolution(path + ".conv_shortcut", in, out, 1);
  }

  void AddAttention(const std::string& path, int64_t width) {
    AddNorm(path + ".group_norm", width);
    for (const char* name : {".to_q", ".to_k", ".to_v", ".to_out.0"}) {
      map_[path + name + ".weight"].tensor =
          at::randn({width, width}) / std::sqrt(static_cast<double>(width));
      map_[path + name + ".bias"].tensor = at::randn({width}) * 0.1;
    }
  }

  void AddMid(const std::string& path, int64_t width) {
    AddResnet(path + ".resnets.0", width, width);
    AddAttention(path + ".attentions.0", width);
    AddResnet(path + ".resnets.1", width, width);
  }

  void AddHalf(const std::string& half, const std::string& levels, const std::string& resampler,
               const std::vector<int64_t>& widths, int64_t in, int64_t out, int resnets) {
    AddConvolution(half + ".conv_in", in, widths.front(), 3);
    int64_t width = widths.front();
    if (half == "decoder") AddMid(half + ".mid_block", width);
    for (size_t level = 0; level < widths.size(); ++level) {
      const std::string path = absl::StrCat(half, ".", levels, ".", level);
      for (int i = 0; i < resnets; ++i) {
        AddResnet(absl::StrCat(path, ".resnets.", i), width, widths[level]);
        width = widths[level];
      }
      if (level + 1 < widths.size()) {
        AddConvolution(absl::StrCat(path, ".", resampler, ".0.conv"), width, width, 3);
      }
    }
    if (half == "encoder") AddMid(half + ".mid_block", width);
    AddNorm(half + ".conv_norm_out", width);
    AddConvolution(half + ".conv_out", width, out, 3);
  }

  std::vector<int64_t> widths_;
  AutoencoderConfig config_;
  WeightMap map_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_AUTOENCODER_RANDOM_AUTOENCODER_H_
