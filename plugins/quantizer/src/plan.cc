#include "plan.h"

#include <cmath>
#include <initializer_list>

#include "document.h"

namespace quantizer {
namespace {

constexpr char kFormat[] = "patchbay-quantizer-plan/1";

int ReadBits(const Json& layer, const std::string& where, const char* key,
             std::initializer_list<int> allowed) {
  std::string list;
  for (const int bits : allowed) list += (list.empty() ? "" : " or ") + std::to_string(bits);
  const std::string place = where + "/" + key;
  const auto found = layer.find(key);
  if (found == layer.end()) Fail(place, "is missing; wanted: " + list);
  for (const int bits : allowed) {
    if (found->is_number_integer() && *found == bits) return bits;
  }
  Fail(place, "is " + found->dump() + "; wanted: " + list);
}

std::optional<Range> ReadRange(const Json& layer, const std::string& where, const char* key) {
  const auto found = layer.find(key);
  if (found == layer.end()) return std::nullopt;
  const std::string place = where + "/" + key;
  if (!found->is_array() || found->size() != 2 || !(*found)[0].is_number() ||
      !(*found)[1].is_number()) {
    Fail(place, "is " + found->dump() + "; wanted: two numbers, [low, high]");
  }
  const Range range = {(*found)[0].get<float>(), (*found)[1].get<float>()};
  if (!std::isfinite(range.low) || !std::isfinite(range.high) || range.low > 0 || range.high < 0 ||
      range.low == range.high) {
    Fail(place, "is " + found->dump() + "; wanted: a range that is not empty and includes zero");
  }
  return range;
}

PlannedLayer ReadLayer(const Json& json, const std::string& where) {
  CheckKeys(json, where, {"weights", "activations", "rotate", "range", "skip_range"});
  PlannedLayer layer;
  layer.weight_bits = ReadBits(json, where, "weights", {16, 8, 4});
  layer.activation_bits = ReadBits(json, where, "activations", {16, 8});
  if (const auto rotate = json.find("rotate"); rotate != json.end()) {
    if (!rotate->is_boolean()) Fail(where + "/rotate", "wanted: true or false");
    layer.rotate = rotate->get<bool>();
  }
  layer.range = ReadRange(json, where, "range");
  layer.skip_range = ReadRange(json, where, "skip_range");
  if (layer.weight_bits == 16 && layer.activation_bits == 8) {
    Fail(where, "activations of 8 bits need weights of 8 or 4 bits: products are of integers");
  }
  if (layer.range && layer.rotate) {
    Fail(where,
         "a layer has a calibrated range or is rotated, not both: the range is that of "
         "inputs before rotation");
  }
  if (layer.skip_range && !layer.range) Fail(where, "skip_range needs range beside it");
  return layer;
}

Json WriteLayer(const PlannedLayer& layer) {
  Json json = {{"weights", layer.weight_bits}, {"activations", layer.activation_bits}};
  if (layer.rotate) json["rotate"] = true;
  if (layer.range) json["range"] = {layer.range->low, layer.range->high};
  if (layer.skip_range) json["skip_range"] = {layer.skip_range->low, layer.skip_range->high};
  return json;
}

}  // namespace

Plan ParsePlan(std::string_view text) {
  const Json json = ParseDocument(text, kFormat);
  CheckKeys(json, "", {"format", "model", "others", "layers"});
  Plan plan;
  plan.model = TextAt(json, "model");
  if (const auto others = json.find("others"); others != json.end()) {
    plan.others = ReadLayer(*others, "/others");
    if (plan.others.range) Fail("/others/range", "each layer has a range of its own");
  }
  for (const auto& [name, layer] : ObjectAt(json, "layers").items()) {
    plan.layers[name] = ReadLayer(layer, "/layers/" + name);
  }
  return plan;
}

Plan ReadPlan(const std::string& path) {
  return ParseFile(path, [](const std::string& text) { return ParsePlan(text); });
}

std::string WritePlan(const Plan& plan) {
  Json json = {{"format", kFormat}, {"model", plan.model}};
  if (plan.others.weight_bits != 16) json["others"] = WriteLayer(plan.others);
  Json& layers = json["layers"] = Json::object();
  for (const auto& [name, layer] : plan.layers) layers[name] = WriteLayer(layer);
  return json.dump(1) + "\n";
}

}  // namespace quantizer
