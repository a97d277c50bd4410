#include "host/runtime/nn/group_norm_kernel.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "host/runtime/nn/pointwise.h"

namespace patchbay {
namespace {

// Positions whose moments are summed in fp32 before they are combined in double precision.
constexpr int64_t kChunk = 256;

struct Layout {
  int64_t batch;
  int64_t channels;
  int64_t positions;
  int64_t chunks;  // of one image

  int64_t ChunkRows(int64_t chunk) const { return std::min(kChunk, positions - chunk * kChunk); }
};

// Per image, chunk and channel: [B, chunks, C] each.
struct Moments {
  std::vector<float> mean;
  std::vector<float> squared_deviations;
};

Moments ComputeMoments(const PointwiseKernel& kernel, const at::Tensor& x, const Layout& layout) {
  const auto size = static_cast<size_t>(layout.batch * layout.chunks * layout.channels);
  Moments moments{std::vector<float>(size), std::vector<float>(size)};
  at::parallel_for(0, layout.batch * layout.chunks, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t chunk = i % layout.chunks;
      const int64_t row = i / layout.chunks * layout.positions + chunk * kChunk;
      kernel.column_moments(RowStart(x, row, layout.channels), layout.ChunkRows(chunk),
                            layout.channels, moments.mean.data() + i * layout.channels,
                            moments.squared_deviations.data() + i * layout.channels);
    }
  });
  return moments;
}

// Joins counts, means and squared deviations of parts (Chan, Golub and LeVeque 1979, equation 2.1).
struct JoinedMoments {
  double count = 0;
  double mean = 0;
  double squared_deviations = 0;

  void Add(double other_count, double other_mean, double other_squared_deviations) {
    const double difference = other_mean - mean;
    const double total = count + other_count;
    mean += difference * other_count / total;
    squared_deviations +=
        other_squared_deviations + difference * difference * count * other_count / total;
    count = total;
  }
};

// What turns the input of one image into its output, per channel: y = x * scale + offset.
void ComputeScales(const Moments& moments, const Layout& layout, int64_t image,
                   const GroupNormParameters& parameters, float* scale, float* offset) {
  const int64_t group_channels = layout.channels / parameters.groups;
  const float* shift =
      parameters.shift == nullptr ? nullptr : parameters.shift + image * layout.channels;
  const auto shift_of = [&](int64_t channel) -> double { return shift ? shift[channel] : 0.0; };
  for (int64_t first = 0; first < layout.channels; first += group_channels) {
    JoinedMoments joined;
    for (int64_t chunk = 0; chunk < layout.chunks; ++chunk) {
      const int64_t row = (image * layout.chunks + chunk) * layout.channels;
      for (int64_t channel = first; channel < first + group_channels; ++channel) {
        const auto at = static_cast<size_t>(row + channel);
        joined.Add(static_cast<double>(layout.ChunkRows(chunk)),
                   moments.mean[at] + shift_of(channel), moments.squared_deviations[at]);
      }
    }
    const double factor =
        1.0 / std::sqrt(joined.squared_deviations / joined.count + parameters.epsilon);
    for (int64_t channel = first; channel < first + group_channels; ++channel) {
      const double channel_scale = factor * parameters.weight[channel];
      scale[channel] = static_cast<float>(channel_scale);
      offset[channel] = static_cast<float>((shift_of(channel) - joined.mean) * channel_scale +
                                           parameters.bias[channel]);
    }
  }
}

}  // namespace

at::Tensor NormalizeGroups(const PointwiseKernel& kernel, const at::Tensor& x,
                           const GroupNormParameters& parameters) {
  Layout layout{x.size(0), x.size(1), x.size(2) * x.size(3), 0};
  layout.chunks = (layout.positions + kChunk - 1) / kChunk;
  const Moments moments = ComputeMoments(kernel, x, layout);

  const auto size = static_cast<size_t>(layout.batch * layout.channels);
  std::vector<float> scale(size);
  std::vector<float> offset(size);
  for (int64_t image = 0; image < layout.batch; ++image) {
    ComputeScales(moments, layout, image, parameters, scale.data() + image * layout.channels,
                  offset.data() + image * layout.channels);
  }

  const at::Tensor out = at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast);
  at::parallel_for(0, layout.batch * layout.chunks, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t image = i / layout.chunks;
      const int64_t chunk = i % layout.chunks;
      const int64_t row = image * layout.positions + chunk * kChunk;
      kernel.scale_columns(RowStart(x, row, layout.channels), layout.ChunkRows(chunk),
                           layout.channels, scale.data() + image * layout.channels,
                           offset.data() + image * layout.channels, parameters.silu,
                           MutableRowStart(out, row, layout.channels));
    }
  });
  return out;
}

}  // namespace patchbay
