#include "plan_allocation.h"

#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "bit_allocation.h"

namespace quantizer {
namespace {

// What a layer that stays in floating point is worth, in its class's metric.
double ExactValue(LayerClass layer_class) {
  return layer_class == LayerClass::kContent ? 1.0 : kNoNoise;
}

// The layers of a class, and how their bits may be chosen.
struct Group {
  std::vector<std::string> names;
  std::vector<AllocatedLayer> layers;
  double size = 0;
};

using Groups = std::map<LayerClass, Group>;

double ValueAt(const Measured& measured, int bits, const std::string& where) {
  const auto found = measured.values.find(bits);
  if (found == measured.values.end()) {
    throw DocumentError(where + "/" + std::to_string(bits) +
                        ": is missing; measure-sensitivity gives it");
  }
  return found->second;
}

Groups WeightGroups(const Sensitivity& sensitivity) {
  Groups groups;
  for (const auto& [name, layer] : sensitivity.layers) {
    Group& group = groups[layer.layer_class];
    const std::string where = "/layers/" + name + "/weights";
    const auto size = static_cast<double>(layer.weights.count);
    group.names.push_back(name);
    group.layers.push_back(
        {size, {{4, ValueAt(layer.weights, 4, where)}, {8, ValueAt(layer.weights, 8, where)}}});
    group.size += size;
  }
  return groups;
}

Groups ActivationGroups(const Sensitivity& sensitivity) {
  Groups groups;
  for (const auto& [name, layer] : sensitivity.layers) {
    Group& group = groups[layer.layer_class];
    const std::string where = "/layers/" + name + "/activations";
    const auto size = static_cast<double>(layer.activations.count);
    group.names.push_back(name);
    group.layers.push_back(
        {size, {{8, ValueAt(layer.activations, 8, where)}, {16, ExactValue(layer.layer_class)}}});
    group.size += size;
  }
  return groups;
}

// Each class's average. A model with one class only has that alone.
GroupMeans MeansOf(const Groups& groups, double average, double ratio) {
  if (groups.size() < 2) return {.content = average, .quality = average};
  return SplitAverage(average, ratio,
                      groups.at(LayerClass::kContent).size / groups.at(LayerClass::kQuality).size);
}

// Each layer's bits.
std::map<std::string, int> Allocate(const Groups& groups, const GroupMeans& means) {
  std::map<std::string, int> bits;
  for (const auto& [layer_class, group] : groups) {
    const double mean = layer_class == LayerClass::kContent ? means.content : means.quality;
    const BitAllocation allocation = AllocateBits(group.layers, mean * group.size);
    for (size_t i = 0; i < group.names.size(); ++i) {
      const BitOption& option = group.layers[i].options[allocation.chosen[i]];
      bits[group.names[i]] = static_cast<int>(option.bits);
    }
  }
  return bits;
}

void CheckAverage(const char* what, double average, double fewest, double most) {
  // Also not when it is no number.
  if (average >= fewest && average <= most) return;
  throw std::invalid_argument(
      std::string(what) + ": an average of " + std::to_string(average) +
      " bits is not possible; wanted: " + std::to_string(static_cast<int>(fewest)) + " to " +
      std::to_string(static_cast<int>(most)));
}

bool IsWithin(double mean) { return mean >= 4 - 1e-9 && mean <= 8 + 1e-9; }

}  // namespace

std::vector<double> ContentRatios(const Sensitivity& sensitivity, double average_weight_bits) {
  const Groups groups = WeightGroups(sensitivity);
  if (groups.size() < 2) return {1.0};
  std::vector<double> ratios;
  for (int i = 0; i < 10; ++i) {
    const double ratio = 0.46 + 0.1 * i;
    const GroupMeans means = MeansOf(groups, average_weight_bits, ratio);
    if (IsWithin(means.content) && IsWithin(means.quality)) ratios.push_back(ratio);
  }
  ratios.push_back(1.0);
  return ratios;
}

Plan AllocatePlan(const Sensitivity& sensitivity, const BitBudget& budget, const Plan& base) {
  CheckAverage("weights", budget.weights, 4, 8);
  CheckAverage("activations", budget.activations, 8, 16);
  if (sensitivity.layers.empty()) throw DocumentError("/layers: names no layer");
  const Groups weights = WeightGroups(sensitivity);
  const GroupMeans means = MeansOf(weights, budget.weights, budget.content_ratio);
  if (!IsWithin(means.content) || !IsWithin(means.quality)) {
    throw std::invalid_argument("ratio: content layers would have " +
                                std::to_string(means.content) + " bits and quality layers " +
                                std::to_string(means.quality) + "; both can have 4 to 8");
  }
  const std::map<std::string, int> weight_bits = Allocate(weights, means);
  const Groups activations = ActivationGroups(sensitivity);
  const std::map<std::string, int> activation_bits =
      Allocate(activations, MeansOf(activations, budget.activations, /*ratio=*/1));
  Plan plan = base;
  for (const auto& [name, bits] : weight_bits) {
    const auto named = base.layers.find(name);
    PlannedLayer& layer = plan.layers[name] =
        named == base.layers.end() ? base.others : named->second;
    layer.weight_bits = bits;
    layer.activation_bits = activation_bits.at(name);
    if (layer.activation_bits != 8) layer.range = layer.skip_range = std::nullopt;
  }
  return plan;
}

double AverageWeightBits(const Sensitivity& sensitivity, const Plan& plan) {
  double bits = 0;
  double size = 0;
  for (const auto& [name, layer] : sensitivity.layers) {
    const auto named = plan.layers.find(name);
    const PlannedLayer& planned = named == plan.layers.end() ? plan.others : named->second;
    bits += static_cast<double>(planned.weight_bits) * static_cast<double>(layer.weights.count);
    size += static_cast<double>(layer.weights.count);
  }
  return size > 0 ? bits / size : 0;
}

}  // namespace quantizer
