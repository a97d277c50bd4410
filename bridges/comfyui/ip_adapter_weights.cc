#include "bridges/comfyui/ip_adapter_weights.h"

#include <cmath>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

enum class Part { kInput, kMiddle, kOutput };

// A denoiser's transformers in the order in which it runs.
struct Transformers {
  int inputs = 0;
  int outputs = 0;
  std::map<int, double> layout;  // and how strongly the package has each
  std::set<int> style;

  int count() const { return inputs + 1 + outputs; }
  Part PartOf(int index) const {
    if (index < inputs) return Part::kInput;
    return index == inputs ? Part::kMiddle : Part::kOutput;
  }
};

absl::StatusOr<Transformers> TransformersOf(const std::string& family) {
  if (family == "sdxl") return Transformers{4, 6, {{3, 1.0}}, {6}};
  if (family == "sd1" || family == "sd2") {
    return Transformers{6, 9, {{4, 0.25}, {5, 1.0}}, {0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15}};
  }
  return absl::UnimplementedError(
      absl::StrCat("weight_type: which transformers of this model (", family,
                   ") it means is known for Stable Diffusion 1 and 2 and SDXL; take \"linear\""));
}

constexpr double kWeak = 0.2;

// What "ease ..." leaves of a weight: at 1 all of it.
double Eased(double way) { return 0.05 + 0.95 * way; }

double BlockWeight(std::string_view type, double weight, const Transformers& all, int index) {
  const double way = static_cast<double>(index) / all.count();
  const double from_middle = std::abs(2 * way - 1);
  const Part part = all.PartOf(index);
  if (type == "ease in") return weight * Eased(1 - way);
  if (type == "ease out" || type == "prompt is more important") return weight * Eased(way);
  if (type == "ease in-out") return weight * Eased(1 - from_middle);
  if (type == "reverse in-out") return weight * Eased(from_middle);
  if (type == "weak input") return weight * (part == Part::kInput ? kWeak : 1);
  if (type == "weak middle") return weight * (part == Part::kMiddle ? kWeak : 1);
  if (type == "weak output") return weight * (part == Part::kOutput ? kWeak : 1);
  if (type == "strong middle") return weight * (part == Part::kMiddle ? 1 : kWeak);
  const auto layout = all.layout.find(index);
  if (type == "strong style transfer") return layout == all.layout.end() ? weight : 0;
  if (layout != all.layout.end()) {
    if (type == "composition") return weight * layout->second;
    // The package's node has no input for the composition's weight and takes 1.
    return type == "style and composition" ? layout->second : 0;
  }
  return type != "composition" && all.style.count(index) != 0 ? weight : 0;
}

}  // namespace

absl::StatusOr<std::vector<double>> IpAdapterBlockWeights(std::string_view type, double weight,
                                                          const std::string& family) {
  std::vector<double> weights;
  if (type == "linear" || type == "standard") return weights;
  const absl::StatusOr<Transformers> all = TransformersOf(family);
  if (!all.ok()) return all.status();
  for (int index = 0; index < all->count(); ++index) {
    weights.push_back(BlockWeight(type, weight, *all, index));
  }
  return weights;
}

}  // namespace patchbay::comfyui
