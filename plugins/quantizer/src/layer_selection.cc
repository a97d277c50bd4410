#include "layer_selection.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace quantizer {
namespace {

// Layers with fewer weights gain nothing.
constexpr int64_t kSmallest = 4096;

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// What SDXL adds for the prompt, and projections of the prompt itself: small, and computed once.
bool EmbedsPrompt(const LayerFacts& layer) {
  return layer.diffusers_name.rfind("add_embedding", 0) == 0 ||
         layer.diffusers_name.rfind("encoder_hid_proj", 0) == 0;
}

void CheckNamed(const LayerFacts& layer, const PlannedLayer& planned) {
  if (planned.weight_bits == 16) return;
  const std::string where = "/layers/" + layer.diffusers_name;
  if (EmbedsPrompt(layer)) {
    throw DocumentError(where +
                        "/weights: must be 16: what it adds for the prompt is computed once");
  }
  if (layer.is_from_text && planned.activation_bits != 16) {
    throw DocumentError(
        where +
        "/activations: must be 16: keys and values of the prompt are computed once, "
        "with the begin token's outliers");
  }
}

// All digits of a number that matter.
std::string Digits(float value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%a", static_cast<double>(value));
  return text;
}

}  // namespace

LayerSelection::LayerSelection(Plan plan, std::string keep)
    : plan_(std::move(plan)), keep_(std::move(keep)) {}

bool LayerSelection::IsKept(const LayerFacts& layer) const {
  if (layer.weights < kSmallest || EmbedsPrompt(layer)) return true;
  for (size_t begin = 0; begin <= keep_.size();) {
    const size_t end = std::min(keep_.find('/', begin), keep_.size());
    const std::string part = keep_.substr(begin, end - begin);
    if (!part.empty() && layer.diffusers_name.find(part) != std::string::npos) return true;
    begin = end + 1;
  }
  return false;
}

const PlannedLayer& LayerSelection::PlannedFor(const LayerFacts& layer) const {
  static const PlannedLayer kFloatingPoint;
  static const PlannedLayer kFromText = {.weight_bits = 8, .activation_bits = 16};
  if (const auto named = plan_.layers.find(layer.diffusers_name); named != plan_.layers.end()) {
    CheckNamed(layer, named->second);
    return named->second;
  }
  if (IsKept(layer) || plan_.others.weight_bits == 16) return kFloatingPoint;
  return layer.is_from_text ? kFromText : plan_.others;
}

std::optional<LayerScheme> LayerSelection::SchemeOf(const LayerFacts& layer) const {
  const PlannedLayer& planned = PlannedFor(layer);
  if (planned.weight_bits == 16) return std::nullopt;
  LayerScheme scheme = {.weight_bits = planned.weight_bits,
                        .integer_products = planned.activation_bits == 8 && integer_products_,
                        .rotate = planned.rotate,
                        .range = planned.range,
                        .skip_range = planned.skip_range};
  scheme.skip_split = SplitOf(layer);
  const std::string where = "/layers/" + layer.diffusers_name;
  if (ranges_required_ && planned.activation_bits == 8 && !scheme.range) {
    throw DocumentError(where + "/range: is missing; static quantisation needs it");
  }
  if (scheme.range && (scheme.skip_split != 0) != scheme.skip_range.has_value()) {
    throw DocumentError(where +
                        (scheme.skip_split != 0
                             ? "/skip_range: is missing; a part of the input comes over a skip "
                               "connection"
                             : "/skip_range: no part of the input comes over a skip connection"));
  }
  return scheme;
}

std::string KeyOf(const LayerScheme& scheme) {
  std::string key = "w" + std::to_string(scheme.weight_bits);
  key += scheme.integer_products ? "a8" : "a16";
  if (scheme.rotate) key += " rotated";
  if (scheme.skip_split != 0) key += " split " + std::to_string(scheme.skip_split);
  for (const auto& range : {scheme.range, scheme.skip_range}) {
    if (range) key += " " + Digits(range->low) + ".." + Digits(range->high);
  }
  return key;
}

int64_t SplitOf(const LayerFacts& layer) {
  return EndsWith(layer.diffusers_name, "conv_shortcut") ? layer.skip_split : 0;
}

bool SharesInput(const std::string& diffusers_name) {
  return EndsWith(diffusers_name, "attn1.to_q") || EndsWith(diffusers_name, "attn1.to_k") ||
         EndsWith(diffusers_name, "attn1.to_v");
}

}  // namespace quantizer
