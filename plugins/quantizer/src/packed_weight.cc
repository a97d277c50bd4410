#include "packed_weight.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace quantizer {
namespace {

constexpr int64_t kCacheBytes = 256 << 10;
constexpr float kLargest8 = 127.0f;
constexpr float kLargest4 = 7.0f;
constexpr int kLargestScale = 18;  // 18 x 7 = 126 fits into a signed byte
constexpr int64_t kMostSummands = (int64_t{1} << 31) / (255 * 127);

int64_t RoundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// NaN when a value is not finite.
float LargestMagnitude(const float* values, int64_t count) {
  float largest = 0;
  float nothing = 0;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(values[i]));
    nothing += values[i] * 0.0f;
  }
  return largest + nothing;
}

// To the nearest whole number, half to even, for magnitudes below 2^22; compiles to two additions.
float Rounded(float value) {
  constexpr float kMagic = 12582912.0f;  // 1.5 x 2^23: no digits are left behind the point
  return (value + kMagic) - kMagic;
}

float SquaredError(const float* values, int64_t count, float step) {
  const float inverse = 1.0f / step;
  float error = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float level = std::clamp(Rounded(values[i] * inverse), -kLargest4, kLargest4);
    const float off = values[i] - level * step;
    error += off * off;
  }
  return error;
}

// The whole number that, times `step`, is the best 4-bit step for the values. Clipping the largest
// ones a little costs less than coarser steps for all.
int BestScale(const float* values, int64_t count, float step) {
  const float whole = LargestMagnitude(values, count) / (kLargest4 * step);
  const int most = std::clamp(static_cast<int>(std::ceil(whole)), 1, kLargestScale);
  const int least = std::max(1, static_cast<int>(0.7f * whole));
  int best = most;
  float least_error = SquaredError(values, count, static_cast<float>(most) * step);
  for (int scale = most - 1; scale >= least; --scale) {
    const float error = SquaredError(values, count, static_cast<float>(scale) * step);
    if (error < least_error) {
      least_error = error;
      best = scale;
    }
  }
  return best;
}

}  // namespace

// Fills panels, each by one thread.
class PackedWeight::Packer {
 public:
  Packer(PackedWeight& packed, const at::Tensor& weight) : packed_(packed), weight_(weight) {}

  void Pack(int64_t panel) const {
    const int64_t first = panel * kPanel;
    const int64_t columns = std::min(kPanel, packed_.outputs_ - first);
    // [columns, taps, inputs]
    const at::Tensor rows = weight_.narrow(0, first, columns)
                                .to(at::kFloat)
                                .reshape({columns, packed_.inputs_, packed_.taps_})
                                .transpose(1, 2)
                                .contiguous();
    const int64_t row_size = packed_.taps_ * packed_.inputs_;
    AlignedBytes<uint8_t> memory(static_cast<size_t>(row_size) * sizeof(float));
    auto* const rotated = reinterpret_cast<float*>(memory.data());
    for (int64_t column = 0; column < columns; ++column) {
      const float* row = rows.const_data_ptr<float>() + column * row_size;
      if (packed_.rotated_) {
        BestKernel().rotate(row, Element::kFloat, row_size, rotated);
        row = rotated;
      }
      if (packed_.bits_ == 8) {
        PackRow8(first + column, row);
      } else {
        PackRow4(first + column, row);
      }
    }
  }

 private:
  void PackRow8(int64_t output, const float* row) const {
    const int64_t row_size = packed_.taps_ * packed_.inputs_;
    const float step = LargestMagnitude(row, row_size) / kLargest8;
    const float inverse = step > 0 ? 1.0f / step : 0.0f;
    auto* const data = reinterpret_cast<int8_t*>(packed_.data_.data());
    int32_t sum = 0;
    for (int64_t tap = 0; tap < packed_.taps_; ++tap) {
      for (int64_t input = 0; input < packed_.inputs_; ++input) {
        const auto level = static_cast<int32_t>(Rounded(*row++ * inverse));
        data[packed_.PlaceOf(output, tap, input)] = static_cast<int8_t>(level);
        sum += level;
      }
    }
    packed_.step_[static_cast<size_t>(output)] = step;
    packed_.sum_[static_cast<size_t>(output)] = sum;
  }

  void PackRow4(int64_t output, const float* row) const {
    const int64_t row_size = packed_.taps_ * packed_.inputs_;
    const float step = LargestMagnitude(row, row_size) / (kLargest4 * kLargestScale);
    int32_t sum = 0;
    for (int64_t tap = 0; tap < packed_.taps_; ++tap) {
      for (int64_t begin = 0; begin < packed_.inputs_; begin += kScaleGroup) {
        const int64_t count = std::min(kScaleGroup, packed_.inputs_ - begin);
        const float* const values = row + tap * packed_.inputs_ + begin;
        const int scale = step > 0 ? BestScale(values, count, step) : 1;
        packed_.scale_[packed_.ScaleIndex(output, tap, begin)] = static_cast<uint8_t>(scale);
        const float inverse = step > 0 ? 1.0f / (static_cast<float>(scale) * step) : 0.0f;
        for (int64_t i = 0; i < count; ++i) {
          const float level = std::clamp(Rounded(values[i] * inverse), -kLargest4, kLargest4);
          packed_.SetNibble(output, tap, begin + i, static_cast<int>(level) + 8);
          sum += static_cast<int32_t>(level) * scale;
        }
      }
    }
    packed_.step_[static_cast<size_t>(output)] = step;
    packed_.sum_[static_cast<size_t>(output)] = sum;
  }

  PackedWeight& packed_;
  const at::Tensor& weight_;
};

PackedWeight::PackedWeight(std::vector<int64_t> shape, const at::Tensor& bias,
                           const Options& options)
    : bits_(options.bits),
      shape_(std::move(shape)),
      outputs_(shape_.at(0)),
      inputs_(shape_.at(1)),
      padded_inputs_(RoundUp(inputs_, kGroup)),
      taps_(shape_.size() == 4 ? shape_[2] * shape_[3] : 1) {
  TORCH_CHECK(bits_ == 8 || bits_ == 4, "weights have 8 or 4 bits, not ", bits_);
  TORCH_CHECK(shape_.size() == 2 || shape_.size() == 4, "a weight has 2 or 4 dimensions, not ",
              shape_.size());
  TORCH_CHECK(taps_ * padded_inputs_ < kMostSummands, "an output sums ", taps_ * padded_inputs_,
              " products, and 32 bits hold the sum of ", kMostSummands);
  rotated_ = options.rotate && inputs_ % kRotation == 0;
  const auto padded_outputs = static_cast<size_t>(panels() * kPanel);
  data_ = AlignedBytes<uint8_t>(static_cast<size_t>(panels() * taps_ * tap_bytes()));
  // In 4 bits 8 stands for 0.
  std::memset(data_.data(), bits_ == 8 ? 0 : 0x88, data_.size());
  if (bits_ == 4) scale_.assign(padded_outputs * static_cast<size_t>(taps_ * scale_groups()), 1);
  step_.assign(padded_outputs, 0.0f);
  sum_.assign(padded_outputs, 0);
  bias_.assign(padded_outputs, 0.0f);
  if (bias.defined()) {
    const at::Tensor numbers = bias.to(at::kFloat).contiguous();
    std::copy_n(numbers.const_data_ptr<float>(), outputs_, bias_.data());
  }
}

PackedWeight::PackedWeight(const at::Tensor& weight, const at::Tensor& bias, const Options& options)
    : PackedWeight(weight.sizes().vec(), bias, options) {
  const Packer packer(*this, weight);
  at::parallel_for(0, panels(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) packer.Pack(panel);
  });
  for (const float step : step_) {
    TORCH_CHECK(std::isfinite(step), "the weights have numbers that are not finite");
  }
}

size_t PackedWeight::bytes() const {
  return data_.size() + scale_.size() + sizeof(float) * (step_.size() + bias_.size()) +
         sizeof(int32_t) * sum_.size();
}

int64_t PackedWeight::taps_at_once() const {
  return std::clamp(kCacheBytes / (padded_inputs_ * kPanel), int64_t{1}, taps_);
}

size_t PackedWeight::scratch_bytes() const {
  return bits_ == 8 ? 0 : static_cast<size_t>(taps_at_once() * padded_inputs_ * kPanel);
}

const int8_t* PackedWeight::Integers(int64_t panel, int64_t first_tap, int64_t tap_count,
                                     int8_t* scratch) const {
  const uint8_t* const data = data_.data() + (panel * taps_ + first_tap) * tap_bytes();
  if (bits_ == 8) return reinterpret_cast<const int8_t*>(data);
  const Kernel& kernel = BestKernel();
  const int64_t groups = padded_inputs_ / kGroup;
  constexpr int64_t kGroupsInScale = kScaleGroup / kGroup;
  for (int64_t tap = 0; tap < tap_count; ++tap) {
    const uint8_t* scales =
        scale_.data() + ((panel * taps_ + first_tap + tap) * scale_groups()) * kPanel;
    for (int64_t group = 0; group < groups; group += kGroupsInScale) {
      kernel.unpack(data + tap * tap_bytes() + group * (kPanel * kGroup / 2), scales,
                    std::min(kGroupsInScale, groups - group),
                    scratch + (tap * groups + group) * kPanel * kGroup);
      scales += kPanel;
    }
  }
  return scratch;
}

at::Tensor PackedWeight::Dequantized() const {
  const at::Tensor rows = at::empty({outputs_, taps_, inputs_}, at::kFloat);
  auto* const values = rows.mutable_data_ptr<float>();
  at::parallel_for(0, panels(), 1, [&](int64_t begin, int64_t end) {
    AlignedBytes<int8_t> scratch(static_cast<size_t>(padded_inputs_ * kPanel));
    AlignedBytes<uint8_t> turned(static_cast<size_t>(inputs_) * sizeof(float));
    for (int64_t panel = begin; panel < end; ++panel) {
      for (int64_t tap = 0; tap < taps_; ++tap) {
        const int8_t* const integers = Integers(panel, tap, 1, scratch.data());
        for (int64_t output = panel * kPanel; output < std::min(outputs_, (panel + 1) * kPanel);
             ++output) {
          float* const row = values + (output * taps_ + tap) * inputs_;
          const float step = step_[static_cast<size_t>(output)];
          for (int64_t input = 0; input < inputs_; ++input) {
            const int64_t place = (input / kGroup * kPanel + output % kPanel) * kGroup;
            row[input] = static_cast<float>(integers[place + input % kGroup]) * step;
          }
          if (!rotated_) continue;
          auto* const copy = reinterpret_cast<float*>(turned.data());
          std::copy_n(row, inputs_, copy);
          BestKernel().rotate(copy, Element::kFloat, inputs_, row);
        }
      }
    }
  });
  return rows.transpose(1, 2).reshape(shape_).contiguous();
}

}  // namespace quantizer
