#include "plugins/moma/src/subject_mask.h"

#include <cmath>

namespace moma {
namespace {

// Below it a map counts as constant.
constexpr double kSmallestSpread = 1e-12;

}  // namespace

at::Tensor AttentionTo(const at::Tensor& query, const at::Tensor& key, int64_t heads,
                       const at::Tensor& tokens) {
  const auto split = [&](const at::Tensor& rows) {
    return rows.to(at::kFloat).view({rows.size(0), heads, -1}).transpose(0, 1);
  };
  const at::Tensor queries = split(query);
  const double scale = 1.0 / std::sqrt(static_cast<double>(queries.size(2)));
  const at::Tensor shares =
      at::softmax(at::matmul(queries, split(key).transpose(1, 2)) * scale, -1);
  return shares.index_select(2, tokens.to(shares.device())).sum(2).mean(0);
}

at::Tensor Stretched(const at::Tensor& rows) {
  const at::Tensor flat = rows.flatten(1);
  const at::Tensor lowest = flat.amin(1, /*keepdim=*/true);
  const at::Tensor spread = flat.amax(1, /*keepdim=*/true) - lowest;
  return ((flat - lowest) / spread.clamp_min(kSmallestSpread)).view(rows.sizes());
}

void SubjectMap::Add(const at::Tensor& attention, int64_t height, int64_t width,
                     int64_t canvas_height, int64_t canvas_width) {
  const at::Tensor map = at::upsample_nearest2d(
      Stretched(attention).view({attention.size(0), 1, height, width}).to(at::kCPU),
      {canvas_height, canvas_width});
  sum_ = count_ == 0 ? map : sum_ + map;
  ++count_;
}

at::Tensor SubjectMap::Take(double threshold, bool rows_together) {
  const at::Tensor average = (sum_ / static_cast<double>(count_)).squeeze(1);
  sum_ = at::Tensor();
  count_ = 0;
  const auto stretched = [&](const at::Tensor& map) {
    return rows_together ? Stretched(map.unsqueeze(0)).squeeze(0) : Stretched(map);
  };
  const at::Tensor map = stretched(average);
  return stretched(at::where(map > threshold, map, at::zeros({}, map.options())));
}

at::Tensor AtQueries(const at::Tensor& mask, int64_t height, int64_t width) {
  return at::upsample_nearest2d(mask.unsqueeze(1), {height, width})
      .view({mask.size(0), height * width, 1});
}

}  // namespace moma
