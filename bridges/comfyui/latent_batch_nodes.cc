#include <algorithm>
#include <numeric>
#include <utility>

#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/latent_pair.h"
#include "bridges/comfyui/latent_storage.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr int kMaxBatch = 4096;

std::vector<int> IndicesOf(const LatentValue& latent) {
  if (!latent.noise_indices.empty()) return latent.noise_indices;
  std::vector<int> indices(static_cast<size_t>(latent.batch));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

// `length` of them from `first` on; they begin again at the end.
template <typename Item>
std::vector<Item> Part(const std::vector<Item>& items, int first, int length) {
  std::vector<Item> part;
  for (int i = first; i < first + length; ++i) {
    part.push_back(items[static_cast<size_t>(i) % items.size()]);
  }
  return part;
}

Values FromBatch(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const int first = std::min<int>(static_cast<int>(call.Int("batch_index")), latent.batch - 1);
  const int length = std::min<int>(static_cast<int>(call.Int("length")), latent.batch - first);
  LatentValue result = latent;
  if (latent.IsEmpty()) {
    result.batch = length;
  } else if (!latent.unencoded.pictures.empty()) {
    result.batch = length;
    if (latent.unencoded.pictures.size() > 1) {
      result.unencoded = {Part(latent.unencoded.pictures, first, length), {}};
    }
  } else {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersOf(latent, call));
    FloatPlanes part = numbers;
    part.batch = length;
    part.values.assign(numbers.Plane(first, 0),
                       numbers.Plane(first, 0) + size_t(length) * part.ItemSize());
    result = WithNumbers(latent, std::move(part));
  }
  if (latent.mask.has_value() && latent.mask->masks.size() > 1) {
    result.mask->masks = Part(latent.mask->masks, first, length);
  }
  result.noise_indices = Part(IndicesOf(latent), first, length);
  return std::vector<NodeValue>{std::move(result)};
}

Values Repeat(NodeCall& call) {
  const auto& latent = call.Get<LatentValue>("samples");
  const auto amount = static_cast<int>(call.Int("amount"));
  const int batch = latent.batch * amount;
  if (batch > kMaxBatch) return absl::InvalidArgumentError("these are too many latents");
  LatentValue result = latent;
  if (latent.IsEmpty() || latent.unencoded.pictures.size() == 1) {
    result.batch = batch;
  } else if (!latent.unencoded.pictures.empty()) {
    result.batch = batch;
    result.unencoded = {Part(latent.unencoded.pictures, 0, batch), {}};
  } else {
    BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes numbers, NumbersOf(latent, call));
    BRIDGE_ASSIGN_OR_RETURN(FloatPlanes repeated, RepeatedTo(numbers, batch));
    result = WithNumbers(latent, std::move(repeated));
  }
  if (latent.mask.has_value() && latent.mask->masks.size() > 1) {
    result.mask->masks = Part(Part(latent.mask->masks, 0, latent.batch), 0, batch);
  }
  if (!latent.noise_indices.empty()) {
    const auto [low, high] =
        std::minmax_element(latent.noise_indices.begin(), latent.noise_indices.end());
    const int offset = *high - *low + 1;
    for (int i = 1; i < amount; ++i) {
      for (const int index : latent.noise_indices) {
        result.noise_indices.push_back(index + i * offset);
      }
    }
  }
  return std::vector<NodeValue>{std::move(result)};
}

Values Batch(NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(const LatentPair pair, ReadLatentPair("samples1", "samples2", call));
  BRIDGE_ASSIGN_OR_RETURN(const FloatPlanes second, SecondSizedAsFirst(pair));
  BRIDGE_ASSIGN_OR_RETURN(FloatPlanes both,
                          RepeatedTo(pair.first, pair.first.batch + second.batch));
  std::copy(second.values.begin(), second.values.end(), both.Plane(pair.first.batch, 0));
  LatentValue result = WithNumbers(pair.latent, std::move(both));
  result.noise_indices = IndicesOf(pair.latent);
  const std::vector<int> others = IndicesOf(call.Get<LatentValue>("samples2"));
  result.noise_indices.insert(result.noise_indices.end(), others.begin(), others.end());
  return std::vector<NodeValue>{std::move(result)};
}

Values SeedBehaviour(NodeCall& call) {
  LatentValue latent = call.Get<LatentValue>("samples");
  const bool is_fixed = call.Text("seed_behavior") == "fixed";
  const int first = latent.noise_indices.empty() ? 0 : latent.noise_indices.front();
  latent.noise_indices.assign(is_fixed ? static_cast<size_t>(latent.batch) : 0, first);
  return std::vector<NodeValue>{std::move(latent)};
}

}  // namespace

void AddLatentBatchNodes(NodeCatalogue& catalogue) {
  const InputSpec samples = SocketInput("samples", "LATENT");
  Add(catalogue,
      MakeNode("LatentFromBatch", "Latent From Batch", "latent/batch",
               {samples, IntInput("batch_index", 0, 0, 63), IntInput("length", 1, 1, 64)},
               {"LATENT"}, FromBatch));
  Add(catalogue, MakeNode("RepeatLatentBatch", "Repeat Latent Batch", "latent/batch",
                          {samples, IntInput("amount", 1, 1, 64)}, {"LATENT"}, Repeat));
  Add(catalogue, MakeNode("LatentBatch", "LatentBatch", "latent/batch",
                          {SocketInput("samples1", "LATENT"), SocketInput("samples2", "LATENT")},
                          {"LATENT"}, Batch));
  Add(catalogue, MakeNode("LatentBatchSeedBehavior", "LatentBatchSeedBehavior", "latent/advanced",
                          {samples, ComboInput("seed_behavior", {"random", "fixed"})}, {"LATENT"},
                          SeedBehaviour));
}

}  // namespace patchbay::comfyui
