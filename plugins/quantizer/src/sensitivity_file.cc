#include "sensitivity_file.h"

#include <algorithm>
#include <cmath>

#include "document.h"

namespace quantizer {
namespace {

constexpr char kFormat[] = "patchbay-quantizer-sensitivity/1";
constexpr char kContent[] = "content";
constexpr char kQuality[] = "quality";

Measured ReadMeasured(const Json& layer, const std::string& where, const char* key,
                      std::initializer_list<const char*> bits) {
  const std::string place = where + "/" + key;
  const auto found = layer.find(key);
  if (found == layer.end() || !found->is_object()) Fail(place, "is missing or no object");
  Measured measured;
  for (const auto& [name, value] : found->items()) {
    if (name == "count") {
      if (!value.is_number_integer() || value.get<int64_t>() < 1) {
        Fail(place + "/count", "a whole number above 0 is wanted");
      }
      measured.count = value.get<int64_t>();
      continue;
    }
    if (std::find(bits.begin(), bits.end(), name) == bits.end()) {
      Fail(place + "/" + name, "neither \"count\" nor a number of bits that layers can have");
    }
    if (!value.is_number() || !std::isfinite(value.get<double>())) {
      Fail(place + "/" + name, "a number is wanted");
    }
    measured.values[std::stoi(name)] = value.get<double>();
  }
  if (measured.count == 0) Fail(place + "/count", "is missing");
  return measured;
}

LayerSensitivity ReadLayer(const Json& json, const std::string& where) {
  CheckKeys(json, where, {"class", "weights", "activations"});
  LayerSensitivity layer;
  const auto named = json.find("class");
  if (named == json.end() || (*named != kContent && *named != kQuality)) {
    Fail(where + "/class", "wanted: content or quality");
  }
  layer.layer_class = *named == kContent ? LayerClass::kContent : LayerClass::kQuality;
  layer.weights = ReadMeasured(json, where, "weights", {"8", "4"});
  layer.activations = ReadMeasured(json, where, "activations", {"8"});
  return layer;
}

Json WriteMeasured(const Measured& measured) {
  Json json = {{"count", measured.count}};
  for (const auto& [bits, value] : measured.values) json[std::to_string(bits)] = value;
  return json;
}

}  // namespace

Sensitivity ParseSensitivity(std::string_view text) {
  const Json json = ParseDocument(text, kFormat);
  CheckKeys(json, "", {"format", "model", "layers"});
  Sensitivity sensitivity;
  sensitivity.model = TextAt(json, "model");
  for (const auto& [name, layer] : ObjectAt(json, "layers").items()) {
    sensitivity.layers[name] = ReadLayer(layer, "/layers/" + name);
  }
  return sensitivity;
}

Sensitivity ReadSensitivity(const std::string& path) {
  return ParseFile(path, [](const std::string& text) { return ParseSensitivity(text); });
}

std::string WriteSensitivity(const Sensitivity& sensitivity) {
  Json json = {{"format", kFormat}, {"model", sensitivity.model}};
  Json& layers = json["layers"] = Json::object();
  for (const auto& [name, layer] : sensitivity.layers) {
    layers[name] = {{"class", layer.layer_class == LayerClass::kContent ? kContent : kQuality},
                    {"weights", WriteMeasured(layer.weights)},
                    {"activations", WriteMeasured(layer.activations)}};
  }
  return json.dump(1) + "\n";
}

}  // namespace quantizer
