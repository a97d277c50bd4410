#ifndef PATCHBAY_HOST_PLUGINS_PLUGIN_DESCRIPTION_H_
#define PATCHBAY_HOST_PLUGINS_PLUGIN_DESCRIPTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "patchbay/abi/plugin.h"

namespace patchbay {

// What a plugin says of itself, in the host's own memory: it outlives the library. The members mean
// what those of the same names mean in patchbay/abi/plugin.h and patchbay/abi/schema.h.

struct FieldChoice {
  std::string id;
  std::string label;

  bool operator==(const FieldChoice&) const = default;
};

struct PluginField {
  std::string id;
  int32_t number = 0;
  patchbay_field_type type = PATCHBAY_FIELD_BOOL;
  std::string label;
  std::string help;
  std::string group;
  patchbay_unit unit = PATCHBAY_UNIT_NONE;
  uint32_t flags = 0;
  // All 0 for types without a range.
  double minimum = 0.0;
  double maximum = 0.0;
  double soft_minimum = 0.0;
  double soft_maximum = 0.0;
  double step = 0.0;
  std::string default_text;
  std::vector<FieldChoice> choices;
  std::string visible_if;

  bool operator==(const PluginField&) const = default;
};

struct PluginAction {
  std::string id;
  std::string title;
  std::string help;
  std::vector<PluginField> fields;

  bool operator==(const PluginAction&) const = default;
};

struct PluginDescription {
  std::string id;
  std::string title;
  std::string version;
  std::string summary;
  std::string source;
  std::string licence;
  std::vector<PluginField> fields;
  std::vector<PluginAction> actions;
  std::vector<std::string> required_hooks;
  std::vector<std::string> before;
  std::vector<std::string> after;
  std::vector<std::string> conflicts;
  patchbay_phase phase = PATCHBAY_PHASE_NORMAL;
  std::vector<patchbay_model_family> families;
  uint32_t flags = 0;

  bool operator==(const PluginDescription&) const = default;
};

// What requests and messages call a family: "sd1". "unknown" for a number without a name.
std::string FamilyName(patchbay_model_family family);
std::optional<patchbay_model_family> FamilyNamed(std::string_view name);

// What differs first, for an error message: `version ("1.0.0", "1.1.0")`. Empty when nothing does.
std::string FirstDifference(const PluginDescription& a, const PluginDescription& b);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_PLUGIN_DESCRIPTION_H_
