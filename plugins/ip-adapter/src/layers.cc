#include "plugins/ip-adapter/src/layers.h"

#include <algorithm>
#include <cmath>

#include "patchbay/error.h"

namespace ip_adapter {
namespace {

// SDXL: arXiv:2404.02733, section 3.3, and diffusers' documentation. Stable Diffusion 1 and 2: the
// authors' infer_style_sd15.py, which names style, and style and layout.
std::vector<std::string> ChosenPlaces(patchbay_model_family family, Layers layers) {
  std::vector<std::string> style;
  std::vector<std::string> layout;
  if (family == PATCHBAY_MODEL_SDXL) {
    style = {"up_blocks.0.attentions.1."};
    layout = {"down_blocks.2.attentions.1."};
  } else if (family == PATCHBAY_MODEL_SD1 || family == PATCHBAY_MODEL_SD2) {
    style = {"up_blocks.1."};
    layout = {"down_blocks.2.", "mid_block."};
  } else {
    throw patchbay::Error(
        "layers: which of this model's layers stand for style and layout is not known; take all");
  }
  std::vector<std::string> places;
  if (layers != Layers::kLayout) places = style;
  if (layers != Layers::kStyle) places.insert(places.end(), layout.begin(), layout.end());
  return places;
}

// "down_blocks.1.attentions.0" of a path within it.
std::string TransformerOf(const std::string& name) {
  return name.substr(0, name.find(".transformer_blocks"));
}

bool IsChosen(const std::string& name, const std::vector<std::string>& places) {
  return std::any_of(places.begin(), places.end(),
                     [&](const std::string& place) { return name.rfind(place, 0) == 0; });
}

void CheckBlockWeights(const std::vector<std::string>& transformers,
                       const std::vector<double>& weights) {
  if (weights.empty() || weights.size() == transformers.size()) return;
  std::string list;
  for (const std::string& transformer : transformers) {
    list += (list.empty() ? "" : ", ") + transformer;
  }
  throw patchbay::Error("block_weights: there are " + std::to_string(weights.size()) +
                        " numbers, and the model has " + std::to_string(transformers.size()) +
                        " transformers: " + list);
}

}  // namespace

std::vector<double> LayerWeights(const std::vector<std::string>& names,
                                 patchbay_model_family family, Layers layers,
                                 const std::vector<double>& block_weights) {
  std::vector<std::string> transformers;
  for (const std::string& name : names) {
    if (transformers.empty() || transformers.back() != TransformerOf(name)) {
      transformers.push_back(TransformerOf(name));
    }
  }
  CheckBlockWeights(transformers, block_weights);
  const std::vector<std::string> places =
      layers == Layers::kAll ? std::vector<std::string>{""} : ChosenPlaces(family, layers);
  std::vector<double> result;
  size_t transformer = 0;
  for (const std::string& name : names) {
    if (transformers[transformer] != TransformerOf(name)) ++transformer;
    const double weight = block_weights.empty() ? 1.0 : block_weights[transformer];
    result.push_back(IsChosen(name, places) ? weight : 0.0);
  }
  return result;
}

}  // namespace ip_adapter
