#include "host/cli/plugin_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

using Json = nlohmann::ordered_json;
using Row = std::vector<std::string>;

constexpr size_t kShownDigits = 12;

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Columns as wide as their widest text, two spaces between them.
std::string Aligned(const std::vector<Row>& rows) {
  std::vector<size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppendFormat(&line, "%-*s  ", static_cast<int>(widths[i]), row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

// "patchbay.hook.guidance/1" is told from others by "guidance".
std::string ShortHook(std::string_view hook) {
  hook = hook.substr(0, hook.rfind('/'));
  constexpr std::string_view kPrefix = "patchbay.hook.";
  if (hook.rfind(kPrefix, 0) == 0) hook.remove_prefix(kPrefix.size());
  return std::string(hook);
}

std::string TypeName(const PluginField& field) {
  const char* const name = sdk::schema_name(sdk::kFieldTypeNames, field.type);
  return name == nullptr ? "unknown" : name;
}

std::string RangeText(const PluginField& field) {
  if (!field.choices.empty()) {
    return absl::StrJoin(field.choices, "|", [](std::string* out, const FieldChoice& choice) {
      absl::StrAppend(out, choice.id);
    });
  }
  if (!sdk::has_range(field.type)) return "";
  return absl::StrFormat("%g..%g", field.minimum, field.maximum);
}

Json FieldJson(const PluginField& field) {
  Json json = {{"id", field.id},
               {"type", TypeName(field)},
               {"label", field.label},
               {"help", field.help},
               {"default", field.default_text}};
  if (sdk::has_range(field.type)) {
    json["minimum"] = field.minimum;
    json["maximum"] = field.maximum;
  }
  for (const FieldChoice& choice : field.choices) json["choices"].push_back(choice.id);
  return json;
}

Json FieldsJson(const std::vector<PluginField>& fields) {
  Json json = Json::array();
  for (const PluginField& field : fields) json.push_back(FieldJson(field));
  return json;
}

std::vector<std::string> FamilyNames(const PluginDescription& description) {
  std::vector<std::string> names;
  for (const patchbay_model_family family : description.families) {
    names.push_back(FamilyName(family));
  }
  return names;
}

Json StatusJson(const PluginStatus& plugin) {
  Json json = {{"id", plugin.description.id},
               {"version", plugin.description.version},
               {"build", plugin.build},
               {"state", std::string(PluginStateName(plugin.state))},
               {"title", plugin.description.title},
               {"hooks", plugin.hooks},
               {"families", FamilyNames(plugin.description)},
               {"fault_count", plugin.fault_count}};
  if (plugin.place > 0) json["place"] = plugin.place;
  if (!plugin.settings.empty()) json["settings"] = Json::object();
  for (const auto& [field, value] : plugin.settings) json["settings"][field] = value;
  if (!plugin.fault.ok()) json["fault"] = std::string(plugin.fault.message());
  return json;
}

std::string FieldTable(const std::vector<PluginField>& fields) {
  std::vector<Row> rows = {{"  PARAMETER", "TYPE", "DEFAULT", "RANGE", "MEANING"}};
  for (const PluginField& field : fields) {
    rows.push_back({absl::StrCat("  ", field.id), TypeName(field),
                    field.default_text.empty() ? "-" : field.default_text, RangeText(field),
                    field.help.empty() ? field.label : field.help});
  }
  if (fields.empty()) return "  no parameters\n";
  const bool has_list = std::any_of(fields.begin(), fields.end(), [](const PluginField& field) {
    return field.type == PATCHBAY_FIELD_INT_LIST || field.type == PATCHBAY_FIELD_DOUBLE_LIST;
  });
  return absl::StrCat(Aligned(rows),
                      has_list ? "  A list's numbers have a \"/\" between them: 1/2\n" : "");
}

}  // namespace

std::string ShortBuild(const std::string& build) { return build.substr(0, kShownDigits); }

std::string PluginTable(const std::vector<PluginStatus>& plugins) {
  if (plugins.empty()) return "no plugins\n";
  std::vector<Row> rows = {{"ID", "VERSION", "BUILD", "STATE", "PLACE", "MODELS", "HOOKS"}};
  for (const PluginStatus& plugin : plugins) {
    const std::vector<std::string>& hooks = plugin.hooks;
    const std::string hook_names = absl::StrJoin(
        hooks, ",",
        [](std::string* out, const std::string& hook) { absl::StrAppend(out, ShortHook(hook)); });
    rows.push_back({plugin.description.id, plugin.description.version, ShortBuild(plugin.build),
                    std::string(PluginStateName(plugin.state)),
                    plugin.place > 0 ? absl::StrCat(plugin.place) : "-",
                    plugin.description.families.empty()
                        ? "all"
                        : absl::StrJoin(FamilyNames(plugin.description), ","),
                    // They are known once a generation has had them.
                    hook_names.empty() ? "-" : hook_names});
  }
  return Aligned(rows);
}

std::string PluginText(const PluginStatus& plugin) {
  const PluginDescription& description = plugin.description;
  std::string text =
      absl::StrCat(description.id, " ", description.version, ", build ", ShortBuild(plugin.build),
                   ", ", std::string(PluginStateName(plugin.state)), "\n");
  for (const std::string* line : {&description.title, &description.summary, &description.source}) {
    if (!line->empty()) absl::StrAppend(&text, *line, "\n");
  }
  if (!description.families.empty()) {
    absl::StrAppend(&text, "for models of the family ",
                    absl::StrJoin(FamilyNames(description), ", "), "\n");
  }
  for (const auto& [field, value] : plugin.settings) {
    absl::StrAppend(&text, "active with ", field, "=", value, "\n");
  }
  if (!plugin.fault.ok()) {
    absl::StrAppend(&text, "faults: ", plugin.fault_count, "; ",
                    std::string(plugin.fault.message()), "\n");
  }
  absl::StrAppend(&text, "\n", FieldTable(description.fields));
  if (!description.actions.empty()) absl::StrAppend(&text, "\n", ActionsText(plugin));
  return text;
}

std::string ActionsText(const PluginStatus& plugin) {
  if (plugin.description.actions.empty()) {
    return absl::StrCat("plugin ", plugin.description.id, " has no actions\n");
  }
  return absl::StrJoin(plugin.description.actions, "\n",
                       [](std::string* out, const PluginAction& action) {
                         absl::StrAppend(out, "action ", action.id, ": ",
                                         action.help.empty() ? action.title : action.help, "\n",
                                         FieldTable(action.fields));
                       });
}

std::string PluginTableJson(const std::vector<PluginStatus>& plugins) {
  Json json = Json::array();
  for (const PluginStatus& plugin : plugins) json.push_back(StatusJson(plugin));
  return Dump(json);
}

std::string PluginJson(const PluginStatus& plugin) {
  Json json = StatusJson(plugin);
  json["summary"] = plugin.description.summary;
  json["parameters"] = FieldsJson(plugin.description.fields);
  json["actions"] = Json::array();
  for (const PluginAction& action : plugin.description.actions) {
    json["actions"].push_back({{"id", action.id},
                               {"title", action.title},
                               {"help", action.help},
                               {"parameters", FieldsJson(action.fields)}});
  }
  return Dump(json);
}

}  // namespace patchbay
