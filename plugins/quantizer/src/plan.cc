#include "plan.h"

#include <cmath>
#include <fstream>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace quantizer {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kFormat[] = "patchbay-quantizer-plan/1";
constexpr std::streamoff kMostBytes = 16 << 20;

[[noreturn]] void Fail(const std::string& where, const std::string& wanted) {
  throw PlanError((where.empty() ? "the plan" : where) + ": " + wanted);
}

// The library keeps the last of repeated keys without a word.
class RepeatedKeys {
 public:
  bool operator()(int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) open_.emplace_back();
    if (event == Json::parse_event_t::object_end) open_.pop_back();
    if (event == Json::parse_event_t::key &&
        !open_.back().insert(value.get<std::string>()).second) {
      Fail("\"" + value.get<std::string>() + "\"", "is given twice in one object");
    }
    return true;
  }

 private:
  std::vector<std::set<std::string>> open_;
};

void CheckKeys(const Json& object, const std::string& where,
               std::initializer_list<const char*> known) {
  if (!object.is_object()) Fail(where, "an object is wanted");
  for (const auto& [key, value] : object.items()) {
    bool found = false;
    std::string list;
    for (const char* name : known) {
      found = found || key == name;
      list += std::string(list.empty() ? "" : ", ") + name;
    }
    if (!found) Fail(where + "/" + key, "is no key of a plan; known here: " + list);
  }
}

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

const Json& StringAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_string()) {
    Fail(std::string("/") + key, "is missing or no text");
  }
  return *found;
}

}  // namespace

Plan ParsePlan(std::string_view text) {
  Json json;
  try {
    json = Json::parse(text, RepeatedKeys());
  } catch (const Json::exception& error) {
    throw PlanError(std::string("the plan is no JSON: ") + error.what());
  }
  CheckKeys(json, "", {"format", "model", "others", "layers"});
  if (const auto format = StringAt(json, "format").get<std::string>(); format != kFormat) {
    Fail("/format", "is \"" + format + "\"; wanted: " + kFormat);
  }
  Plan plan;
  plan.model = StringAt(json, "model").get<std::string>();
  if (const auto others = json.find("others"); others != json.end()) {
    plan.others = ReadLayer(*others, "/others");
    if (plan.others.range) Fail("/others/range", "each layer has a range of its own");
  }
  const auto layers = json.find("layers");
  if (layers == json.end() || !layers->is_object()) Fail("/layers", "is missing or no object");
  for (const auto& [name, layer] : layers->items()) {
    plan.layers[name] = ReadLayer(layer, "/layers/" + name);
  }
  return plan;
}

Plan ReadPlan(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) throw PlanError(path + ": cannot be read");
  if (size > kMostBytes) throw PlanError(path + ": is larger than 16 MiB, too large for a plan");
  std::string text(static_cast<size_t>(size), '\0');
  if (!file.seekg(0).read(text.data(), size)) throw PlanError(path + ": cannot be read");
  try {
    return ParsePlan(text);
  } catch (const PlanError& error) {
    throw PlanError(path + ": " + error.what());
  }
}

std::string WritePlan(const Plan& plan) {
  Json json = {{"format", kFormat}, {"model", plan.model}};
  if (plan.others.weight_bits != 16) json["others"] = WriteLayer(plan.others);
  Json& layers = json["layers"] = Json::object();
  for (const auto& [name, layer] : plan.layers) layers[name] = WriteLayer(layer);
  return json.dump(1) + "\n";
}

}  // namespace quantizer
