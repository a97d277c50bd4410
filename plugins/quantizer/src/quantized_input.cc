#include "quantized_input.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

namespace quantizer {
namespace {

constexpr int64_t kPositionsPerTask = 128;

int64_t RoundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

void CheckFinite(bool finite) {
  TORCH_CHECK(finite, "the layer's input has numbers that are not finite");
}

// The numbers of one position after another, as the kernels read them.
class Positions {
 public:
  // stride: elements from one position to the next.
  Positions(const at::Tensor& tensor, Channels channels, int64_t stride, bool rotate)
      : element_(ElementOf(tensor)),
        values_(static_cast<const char*>(tensor.const_data_ptr()) +
                channels.first * tensor.element_size()),
        stride_(stride * tensor.element_size()),
        count_(channels.count),
        rotate_(rotate && channels.count % kRotation == 0) {}

  int64_t padded() const { return RoundUp(count_, kGroup); }
  size_t scratch_bytes() const { return rotate_ ? sizeof(float) * static_cast<size_t>(count_) : 0; }

  void Extend(int64_t position, uint8_t* scratch, Range* range) const {
    const auto [values, element] = Read(position, scratch);
    BestKernel().extend(values, element, count_, range);
  }
  bool Quantize(int64_t position, uint8_t* scratch, ByteScale scale, uint8_t* bytes) const {
    const auto [values, element] = Read(position, scratch);
    return Store(values, element, scale, bytes);
  }
  // With the position's own range.
  bool QuantizeAlone(int64_t position, uint8_t* scratch, ByteScale* scale, uint8_t* bytes) const {
    const auto [values, element] = Read(position, scratch);
    Range range;
    BestKernel().extend(values, element, count_, &range);
    *scale = ScaleOf(range);
    return std::isfinite(scale->step) && Store(values, element, *scale, bytes);
  }

 private:
  std::pair<const void*, Element> Read(int64_t position, uint8_t* scratch) const {
    const char* const values = values_ + position * stride_;
    if (!rotate_) return {values, element_};
    auto* const rotated = reinterpret_cast<float*>(scratch);
    BestKernel().rotate(values, element_, count_, rotated);
    return {rotated, Element::kFloat};
  }
  bool Store(const void* values, Element element, ByteScale scale, uint8_t* bytes) const {
    const bool finite = BestKernel().quantize(values, element, count_, scale, bytes);
    // Their weights are zero.
    std::memset(bytes + count_, 0, static_cast<size_t>(padded() - count_));
    return finite;
  }

  Element element_;
  const char* values_;
  int64_t stride_;
  int64_t count_;
  bool rotate_;
};

// The range of each picture's positions.
std::vector<Range> RangesOf(const Positions& positions, int64_t pictures, int64_t area) {
  const int64_t parts = (area + kPositionsPerTask - 1) / kPositionsPerTask;
  std::vector<Range> ranges(static_cast<size_t>(pictures * parts));
  at::parallel_for(0, pictures * parts, 1, [&](int64_t begin, int64_t end) {
    AlignedBytes<uint8_t> scratch(positions.scratch_bytes());
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % parts * kPositionsPerTask;
      const int64_t last = std::min(area, first + kPositionsPerTask);
      Range& range = ranges[static_cast<size_t>(task)];
      for (int64_t position = first; position < last; ++position) {
        positions.Extend(task / parts * area + position, scratch.data(), &range);
      }
    }
  });
  std::vector<Range> of_pictures(static_cast<size_t>(pictures));
  for (size_t i = 0; i < ranges.size(); ++i) {
    Range& whole = of_pictures[i / static_cast<size_t>(parts)];
    CheckFinite(std::isfinite(ranges[i].low) && std::isfinite(ranges[i].high));
    whole.low = std::min(whole.low, ranges[i].low);
    whole.high = std::max(whole.high, ranges[i].high);
  }
  return of_pictures;
}

bool IsPositionwise(const Geometry& geometry) {
  return geometry.kernel == 1 && geometry.stride == 1 && geometry.padding == 0;
}

}  // namespace

Element ElementOf(const at::Tensor& x) {
  TORCH_CHECK(x.device().is_cpu(), "integer layers compute on the CPU; this input is on ",
              x.device());
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16,
              "integer layers take fp32 and bf16, not ", x.scalar_type());
  return x.scalar_type() == at::kFloat ? Element::kFloat : Element::kBFloat16;
}

ByteScale ScaleOf(const Range& range) {
  const float step = (range.high - range.low) / 255.0f;
  if (!(step > 0)) return {step, 0};
  return {step, static_cast<int32_t>(std::nearbyint(-range.low / step))};
}

QuantizedInput QuantizedInput::OfTokens(const at::Tensor& x, const InputScheme& scheme) {
  const at::Tensor tokens = x.contiguous();
  return OfRows(tokens.view({-1, x.size(-1)}), {0, x.size(-1)}, scheme);
}

QuantizedInput QuantizedInput::OfRows(const at::Tensor& rows, Channels channels,
                                      const InputScheme& scheme) {
  const Positions positions(rows, channels, rows.size(1), scheme.rotate);
  const int64_t count = rows.size(0);
  const int64_t padded = positions.padded();
  QuantizedInput input;
  input.is_dense_ = true;
  input.padded_inputs_ = padded;
  input.out_width_ = count;
  input.x_stride_ = padded;
  input.bytes_ = AlignedBytes<uint8_t>(static_cast<size_t>(count * padded));
  const ByteScale fixed = scheme.range ? ScaleOf(*scheme.range) : ByteScale();
  input.scales_.assign(scheme.range ? 1 : static_cast<size_t>(count), fixed);
  if (scheme.range) input.rows_a_scale_ = std::max<int64_t>(count, 1);
  std::atomic<bool> finite = true;
  at::parallel_for(0, count, kPositionsPerTask, [&](int64_t begin, int64_t end) {
    AlignedBytes<uint8_t> scratch(positions.scratch_bytes());
    for (int64_t row = begin; row < end; ++row) {
      uint8_t* const bytes = input.bytes_.data() + row * padded;
      ByteScale& scale = input.scales_[scheme.range ? 0 : static_cast<size_t>(row)];
      const bool good = scheme.range ? positions.Quantize(row, scratch.data(), fixed, bytes)
                                     : positions.QuantizeAlone(row, scratch.data(), &scale, bytes);
      if (!good) finite = false;
    }
  });
  CheckFinite(finite);
  return input;
}

QuantizedInput QuantizedInput::OfMaps(const at::Tensor& x, Channels channels,
                                      const Geometry& geometry, const InputScheme& scheme) {
  const at::Tensor maps = x.contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t reach = geometry.dilation * (geometry.kernel - 1) + 1;
  const int64_t height = x.size(2) + 2 * geometry.padding;
  const int64_t width = x.size(3) + 2 * geometry.padding;
  TORCH_CHECK(height >= reach && width >= reach, "a convolution that reaches over ", reach,
              " positions does not fit into a ", height, "x", width, " map");
  QuantizedInput input;
  if (IsPositionwise(geometry)) {
    input = OfRows(maps.permute({0, 2, 3, 1}).reshape({-1, x.size(1)}), channels, scheme);
  } else {
    input.QuantizeMaps(maps, channels, geometry.padding, scheme);
  }
  const int64_t padded = input.padded_inputs_;
  input.pictures_ = x.size(0);
  input.out_height_ = (height - reach) / geometry.stride + 1;
  input.out_width_ = (width - reach) / geometry.stride + 1;
  input.picture_stride_ = height * width * padded;
  input.y_stride_ = geometry.stride * width * padded;
  input.x_stride_ = geometry.stride * padded;
  if (!IsPositionwise(geometry)) {
    input.rows_a_scale_ =
        scheme.range ? std::max<int64_t>(input.rows(), 1) : input.out_height_ * input.out_width_;
  }
  input.taps_.clear();
  for (int64_t tap = 0; tap < geometry.kernel * geometry.kernel; ++tap) {
    const int64_t row = tap / geometry.kernel * geometry.dilation;
    const int64_t column = tap % geometry.kernel * geometry.dilation;
    input.taps_.push_back((row * width + column) * padded);
  }
  return input;
}

// Into maps that have the padding around them, in which the byte `zero` is the number zero.
void QuantizedInput::QuantizeMaps(const at::Tensor& maps, Channels channels, int64_t padding,
                                  const InputScheme& scheme) {
  const int64_t pictures = maps.size(0);
  const int64_t height = maps.size(2);
  const int64_t width = maps.size(3);
  const Positions positions(maps, channels, maps.size(1), scheme.rotate);
  if (scheme.range) {
    scales_ = {ScaleOf(*scheme.range)};
  } else {
    for (const Range& range : RangesOf(positions, pictures, height * width)) {
      scales_.push_back(ScaleOf(range));
    }
  }
  const int64_t padded = positions.padded();
  const int64_t high = height + 2 * padding;
  const int64_t wide = width + 2 * padding;
  padded_inputs_ = padded;
  bytes_ = AlignedBytes<uint8_t>(static_cast<size_t>(pictures * high * wide * padded));
  std::atomic<bool> finite = true;
  const int64_t rows_a_task = std::max<int64_t>(1, kPositionsPerTask / wide);
  at::parallel_for(0, pictures * high, rows_a_task, [&](int64_t begin, int64_t end) {
    AlignedBytes<uint8_t> scratch(positions.scratch_bytes());
    for (int64_t row = begin; row < end; ++row) {
      const int64_t picture = row / high;
      const int64_t y = row % high - padding;
      const ByteScale scale = scales_[scheme.range ? 0 : static_cast<size_t>(picture)];
      uint8_t* place = bytes_.data() + row * wide * padded;
      const auto pad = [&](int64_t count) {
        std::memset(place, scale.zero, static_cast<size_t>(count * padded));
        place += count * padded;
      };
      if (y < 0 || y >= height) {
        pad(wide);
        continue;
      }
      pad(padding);
      for (int64_t x = 0; x < width; ++x, place += padded) {
        const int64_t position = (picture * height + y) * width + x;
        if (!positions.Quantize(position, scratch.data(), scale, place)) finite = false;
      }
      pad(padding);
    }
  });
  CheckFinite(finite);
}

}  // namespace quantizer
