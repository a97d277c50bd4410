#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

Json NodeClass::Describe() const {
  Json required = Json::object(), optional = Json::object();
  Json required_order = Json::array(), optional_order = Json::array();
  for (const InputSpec& input : inputs) {
    (input.required ? required : optional)[input.name] = input.Describe();
    (input.required ? required_order : optional_order).push_back(input.name);
  }
  Json types = Json::array(), names = Json::array(), is_list = Json::array();
  for (const OutputSpec& output : outputs) {
    types.push_back(output.type);
    names.push_back(output.name);
    is_list.push_back(false);
  }
  Json input = {{"required", std::move(required)}};
  Json order = {{"required", std::move(required_order)}};
  if (!optional_order.empty()) {
    input["optional"] = std::move(optional);
    order["optional"] = std::move(optional_order);
  }
  if (is_output) input["hidden"] = {{"prompt", "PROMPT"}, {"extra_pnginfo", "EXTRA_PNGINFO"}};
  return {{"input", std::move(input)},
          {"input_order", std::move(order)},
          {"is_input_list", false},
          {"output", std::move(types)},
          {"output_is_list", std::move(is_list)},
          {"output_name", std::move(names)},
          {"name", name},
          {"display_name", display_name},
          {"description", description},
          {"python_module", python_module},
          {"category", category},
          {"output_node", is_output},
          {"deprecated", false},
          {"experimental", false}};
}

const InputSpec* NodeClass::FindInput(const std::string& input) const {
  for (const InputSpec& spec : inputs) {
    if (spec.name == input) return &spec;
  }
  return nullptr;
}

InputSpec IntInput(const std::string& name, int64_t value, int64_t low, Json high, int step) {
  Json options = {{"default", value}, {"min", low}, {"max", std::move(high)}};
  if (step != 1) options["step"] = step;
  return {name, "INT", std::move(options)};
}

InputSpec FloatInput(const std::string& name, double value, double low, double high, double step) {
  return {name, "FLOAT", {{"default", value}, {"min", low}, {"max", high}, {"step", step}}};
}

InputSpec TextInput(const std::string& name, bool multiline, const std::string& value) {
  Json options = {{"multiline", multiline}};
  if (multiline) options["dynamicPrompts"] = true;
  if (!value.empty()) options["default"] = value;
  return {name, "STRING", std::move(options)};
}

InputSpec BoolInput(const std::string& name, bool value) {
  return {name, "BOOLEAN", {{"default", value}}};
}

InputSpec ComboInput(const std::string& name, const std::vector<std::string>& values) {
  return {name, Json(values)};
}

InputSpec SocketInput(const std::string& name, const std::string& type, bool required) {
  return {name, type, Json::object(), required};
}

}  // namespace patchbay::comfyui
