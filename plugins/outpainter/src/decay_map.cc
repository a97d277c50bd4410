#include "decay_map.h"

#include <limits>
#include <tuple>
#include <vector>

namespace outpainter {
namespace {

// Along one dimension, to the nearest 1 before or behind; infinite where there is none.
at::Tensor DistanceAlong(const at::Tensor& known, int64_t dimension) {
  const int64_t length = known.size(dimension);
  std::vector<int64_t> shape(static_cast<size_t>(known.dim()), 1);
  shape[static_cast<size_t>(dimension)] = length;
  const at::Tensor place = at::arange(length, known.options()).view(shape);
  constexpr double kNowhere = std::numeric_limits<double>::infinity();
  const at::Tensor found = at::where(known > 0, place, -kNowhere);
  const at::Tensor before = place - std::get<0>(at::cummax(found, dimension));
  const at::Tensor found_behind = at::where(known > 0, place, kNowhere).flip(dimension);
  const at::Tensor behind =
      std::get<0>(at::cummin(found_behind, dimension)).flip(dimension) - place;
  return at::minimum(before, behind);
}

}  // namespace

at::Tensor DistanceFromKnown(const at::Tensor& known) {
  constexpr int64_t kRows = 2;
  constexpr int64_t kColumns = 3;
  const at::Tensor within =
      at::minimum(DistanceAlong(known, kRows), DistanceAlong(known, kColumns));
  const at::Tensor row_is_known = known.amax(kColumns, /*keepdim=*/true);
  const at::Tensor column_is_known = known.amax(kRows, /*keepdim=*/true);
  const at::Tensor corner =
      at::minimum(DistanceAlong(row_is_known, kRows), DistanceAlong(column_is_known, kColumns));
  return at::where(within.isfinite(), within, corner);
}

at::Tensor DecayMap(const at::Tensor& known, double k) {
  const at::Tensor distance = DistanceFromKnown(known);
  // Nothing is painted, or all decays infinitely slowly.
  const at::Tensor range =
      (k * distance.amax({1, 2, 3}, /*keepdim=*/true)).clamp_min(std::numeric_limits<float>::min());
  return at::exp(-distance / range);
}

}  // namespace outpainter
