#include "calibration.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include "range_tracker.h"

namespace quantizer {
namespace {

void Widen(std::vector<Range>& batches, const Range& call, bool is_new) {
  if (is_new) {
    batches.push_back(call);
    return;
  }
  Range& batch = batches.back();
  batch.low = std::min(batch.low, call.low);
  batch.high = std::max(batch.high, call.high);
}

// The same for all layers with as many batches, on every machine: std::shuffle is not.
std::vector<size_t> ShuffledOrder(size_t count, uint64_t seed) {
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) order[i] = i;
  std::mt19937_64 random(seed);
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

// Nothing where the input is always zero, which a range cannot say.
std::optional<Range> Tracked(const std::vector<Range>& batches, uint64_t seed) {
  RangeTracker tracker;
  for (const size_t i : ShuffledOrder(batches.size(), seed)) tracker.Add(batches[i]);
  const std::optional<Range> range = tracker.range();
  return range && range->low < range->high ? range : std::nullopt;
}

}  // namespace

void Calibration::Observe(const std::string& layer, int64_t skip_split, const at::Tensor& x,
                          int64_t run) {
  Batches& batches = layers_[layer];
  const bool is_new = batches.last_run != run;
  batches.last_run = run;
  try {
    if (skip_split == 0) {
      Widen(batches.below, RangeOf(x), is_new);
    } else {
      Widen(batches.below, RangeOf(x.narrow(1, 0, skip_split)), is_new);
      Widen(batches.skip, RangeOf(x.narrow(1, skip_split, x.size(1) - skip_split)), is_new);
    }
  } catch (const c10::Error& error) {
    TORCH_CHECK(false, layer, ": ", error.what_without_backtrace());
  }
}

Plan Calibration::PlanFor(const LayerSelection& selection, const std::vector<LayerFacts>& layers,
                          uint64_t seed) const {
  Plan plan;
  plan.model = selection.plan().model;
  for (const LayerFacts& layer : layers) {
    const PlannedLayer& planned = selection.PlannedFor(layer);
    if (planned.weight_bits == 16) continue;
    PlannedLayer& calibrated = plan.layers[layer.diffusers_name] = planned;
    calibrated.range = calibrated.skip_range = std::nullopt;
    const auto observed = layers_.find(layer.diffusers_name);
    if (observed == layers_.end() || planned.activation_bits != 8 || planned.rotate) continue;
    const std::optional<Range> below = Tracked(observed->second.below, seed);
    const std::optional<Range> skip = Tracked(observed->second.skip, seed);
    const bool has_skip = !observed->second.skip.empty();
    if (!below || (has_skip && !skip)) continue;
    calibrated.range = below;
    if (has_skip) calibrated.skip_range = skip;
  }
  return plan;
}

}  // namespace quantizer
