#include "bit_allocation.h"

#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>

namespace quantizer {
namespace {

// Sums of many sizes differ in their last digits with the order of adding.
constexpr double kSlack = 1e-9;

using Layers = std::vector<AllocatedLayer>;

const BitOption& Chosen(const Layers& layers, const BitAllocation& at, size_t layer) {
  return layers[layer].options[at.chosen[layer]];
}

void AddUp(const Layers& layers, BitAllocation& allocation) {
  allocation.value = allocation.bits = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    const BitOption& option = Chosen(layers, allocation, i);
    allocation.value += option.value;
    allocation.bits += option.bits * layers[i].size;
  }
}

// What is best when each bit of size 1 costs `price`; of equals the one with more bits.
BitAllocation AtPrice(const Layers& layers, double price) {
  BitAllocation allocation;
  for (const AllocatedLayer& layer : layers) {
    size_t best = 0;
    for (size_t i = 1; i < layer.options.size(); ++i) {
      const BitOption& option = layer.options[i];
      const BitOption& other = layer.options[best];
      const double gain =
          (option.value - other.value) - price * (option.bits - other.bits) * layer.size;
      if (gain > 0 || (gain == 0 && option.bits > other.bits)) best = i;
    }
    allocation.chosen.push_back(best);
  }
  AddUp(layers, allocation);
  return allocation;
}

BitAllocation Fewest(const Layers& layers) {
  BitAllocation allocation;
  for (const AllocatedLayer& layer : layers) {
    size_t fewest = 0;
    for (size_t i = 1; i < layer.options.size(); ++i) {
      const BitOption& option = layer.options[i];
      const BitOption& other = layer.options[fewest];
      if (option.bits < other.bits || (option.bits == other.bits && option.value > other.value)) {
        fewest = i;
      }
    }
    allocation.chosen.push_back(fewest);
  }
  AddUp(layers, allocation);
  return allocation;
}

// Another option for one layer.
struct Change {
  size_t layer = 0;
  size_t option = 0;
  double value = 0;  // what is gained
  double bits = 0;   // what it costs
};

std::vector<Change> ChangesOf(const Layers& layers, const BitAllocation& at) {
  std::vector<Change> changes;
  for (size_t i = 0; i < layers.size(); ++i) {
    const BitOption& now = Chosen(layers, at, i);
    for (size_t option = 0; option < layers[i].options.size(); ++option) {
      if (option == at.chosen[i]) continue;
      const BitOption& other = layers[i].options[option];
      changes.push_back(
          {i, option, other.value - now.value, (other.bits - now.bits) * layers[i].size});
    }
  }
  return changes;
}

// The best single change that gains and fits; false when there is none.
bool Upgrade(const Layers& layers, double budget, BitAllocation& at) {
  const Change* best = nullptr;
  const std::vector<Change> changes = ChangesOf(layers, at);
  for (const Change& change : changes) {
    if (change.value > 0 && at.bits + change.bits <= budget &&
        (best == nullptr || change.value > best->value)) {
      best = &change;
    }
  }
  if (best == nullptr) return false;
  at.chosen[best->layer] = best->option;
  AddUp(layers, at);
  return true;
}

// The best pair of changes, of two layers, that gains and fits.
bool Exchange(const Layers& layers, double budget, BitAllocation& at) {
  const std::vector<Change> changes = ChangesOf(layers, at);
  double most = kSlack * (1 + std::abs(at.value));
  std::optional<std::pair<Change, Change>> best;
  for (size_t i = 0; i < changes.size(); ++i) {
    for (size_t j = i + 1; j < changes.size(); ++j) {
      const double gain = changes[i].value + changes[j].value;
      if (gain > most && changes[i].layer != changes[j].layer &&
          at.bits + changes[i].bits + changes[j].bits <= budget) {
        most = gain;
        best = {changes[i], changes[j]};
      }
    }
  }
  if (!best) return false;
  at.chosen[best->first.layer] = best->first.option;
  at.chosen[best->second.layer] = best->second.option;
  AddUp(layers, at);
  return true;
}

void Improve(const Layers& layers, double budget, BitAllocation& at) {
  while (Upgrade(layers, budget, at) || Exchange(layers, budget, at)) {
  }
}

void Check(const Layers& layers, double budget) {
  if (!std::isfinite(budget)) throw std::invalid_argument("the budget of bits is not finite");
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string where = "layer " + std::to_string(i);
    if (!std::isfinite(layers[i].size) || layers[i].size <= 0) {
      throw std::invalid_argument(where + ": its size is not a positive number");
    }
    if (layers[i].options.empty()) throw std::invalid_argument(where + ": it has no options");
    for (const BitOption& option : layers[i].options) {
      if (!std::isfinite(option.bits) || !std::isfinite(option.value)) {
        throw std::invalid_argument(where + ": an option has a number that is not finite");
      }
    }
  }
}

}  // namespace

BitAllocation AllocateBits(const std::vector<AllocatedLayer>& layers, double budget) {
  Check(layers, budget);
  const double limit = budget + kSlack * (1 + std::abs(budget));
  BitAllocation best = Fewest(layers);
  if (best.bits > limit) {
    throw std::invalid_argument("the fewest bits that the layers can have sum to " +
                                std::to_string(best.bits) + ", more than the budget of " +
                                std::to_string(budget));
  }
  // The lowest price at which the budget is kept. Doubling ends: at a price beyond every gain only
  // the fewest bits are bought.
  double low = 0;
  double high = 1e-12;
  if (AtPrice(layers, 0).bits <= limit) {
    high = 0;
  } else {
    while (AtPrice(layers, high).bits > limit && high < 1e300) high *= 2;
  }
  for (int i = 0; i < 200 && high > low; ++i) {
    const double middle = low + (high - low) / 2;
    (AtPrice(layers, middle).bits > limit ? low : high) = middle;
  }
  const BitAllocation relaxed = AtPrice(layers, high);
  const double bound = relaxed.value + high * (budget - relaxed.bits);
  if (relaxed.bits <= limit) {
    BitAllocation from_fewest = best;
    best = relaxed;
    Improve(layers, limit, best);
    // Another way up, for small problems in which the first ends early.
    if (layers.size() <= 64) {
      Improve(layers, limit, from_fewest);
      if (from_fewest.value > best.value) best = from_fewest;
    }
  }
  best.bound = bound;
  return best;
}

GroupMeans SplitAverage(double average, double ratio, double content_share) {
  const double quality = average * (1 + content_share) / (ratio * content_share + 1);
  return {.content = ratio * quality, .quality = quality};
}

}  // namespace quantizer
