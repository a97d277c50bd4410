#include "bridges/webui/scripts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bridges/common/plugin_value.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/outpainting_script.h"

namespace patchbay::webui {
namespace {

constexpr size_t kFirstSetting = 2;  // after "on" and the object

std::vector<const v1::Parameter*> ByNumber(const PluginDescription& plugin) {
  std::vector<const v1::Parameter*> parameters;
  for (const v1::Parameter& parameter : plugin.parameters) parameters.push_back(&parameter);
  std::sort(parameters.begin(), parameters.end(),
            [](const auto* a, const auto* b) { return a->number() < b->number(); });
  return parameters;
}

Json Argument(const std::string& label, Json value) {
  return {{"label", label},     {"value", std::move(value)}, {"minimum", nullptr},
          {"maximum", nullptr}, {"step", nullptr},           {"choices", nullptr}};
}

Json ArgumentOf(const v1::Parameter& parameter) {
  Json argument = Argument(parameter.label().empty() ? parameter.id() : parameter.label(),
                           JsonOfValue(parameter.default_value()));
  if (parameter.has_minimum()) argument["minimum"] = parameter.minimum();
  if (parameter.has_maximum()) argument["maximum"] = parameter.maximum();
  if (parameter.has_step()) argument["step"] = parameter.step();
  if (parameter.type() == v1::PARAMETER_TYPE_CHOICE) {
    argument["choices"] = Json::array();
    for (const v1::ParameterChoice& choice : parameter.choices()) {
      argument["choices"].push_back(choice.id());
    }
  }
  return argument;
}

bool IsEmpty(const Json& script) {
  const auto arguments = script.is_object() ? script.find("args") : script.end();
  return arguments == script.end() || arguments->empty();
}

bool IsOn(const Json& value) {
  return value.is_boolean() ? value.get<bool>() : value.is_number() && value != 0;
}

// "" for a member that is absent or null.
absl::StatusOr<std::string> TextIn(const Json& object, const char* member,
                                   const std::string& parameter) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", member, "\" of \"", parameter, "\" must be a picture as base64 text"));
}

absl::Status ReadPicture(const v1::Parameter& parameter, const Json& value,
                         const StorePicture& store, v1::PluginChoice& choice) {
  const Json given = value.is_string() ? Json::object({{"image", value}}) : value;
  if (!given.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", parameter.id(),
                                                   "\" takes a picture as base64 text, or "
                                                   "{\"image\": ..., \"mask\": ...}"));
  }
  BRIDGE_ASSIGN_OR_RETURN(const std::string image, TextIn(given, "image", parameter.id()));
  BRIDGE_ASSIGN_OR_RETURN(const std::string mask, TextIn(given, "mask", parameter.id()));
  if (image.empty()) return absl::OkStatus();
  BRIDGE_ASSIGN_OR_RETURN(const std::string id, store(image, mask));
  (*choice.mutable_settings())[parameter.id()].set_artifact_id(id);
  return absl::OkStatus();
}

absl::Status ReadSetting(const v1::Parameter& parameter, const Json& value,
                         const StorePicture& store, v1::PluginChoice& choice) {
  if (value.is_null()) return absl::OkStatus();
  if (parameter.type() == v1::PARAMETER_TYPE_PICTURE) {
    return ReadPicture(parameter, value, store, choice);
  }
  BRIDGE_ASSIGN_OR_RETURN((*choice.mutable_settings())[parameter.id()],
                          ValueOfJson(parameter, value));
  return absl::OkStatus();
}

absl::Status ReadNamed(const Json& named, const PluginDescription& plugin,
                       const StorePicture& store, v1::PluginChoice& choice) {
  for (const auto& [name, value] : named.items()) {
    const std::string& id = name;
    const auto found =
        std::find_if(plugin.parameters.begin(), plugin.parameters.end(),
                     [&id](const v1::Parameter& parameter) { return parameter.id() == id; });
    if (found == plugin.parameters.end()) {
      std::vector<std::string> known;
      for (const v1::Parameter& parameter : plugin.parameters) known.push_back(parameter.id());
      return absl::InvalidArgumentError(absl::StrCat("the script ", plugin.plugin.name(),
                                                     " has no setting \"", name, "\"; it has ",
                                                     absl::StrJoin(known, ", ")));
    }
    BRIDGE_RETURN_IF_ERROR(ReadSetting(*found, value, store, choice));
  }
  return absl::OkStatus();
}

// Whether the plugin takes part; its settings go to `choice`.
absl::StatusOr<bool> ReadArguments(const Json& script, const PluginDescription& plugin,
                                   const StorePicture& store, v1::PluginChoice& choice) {
  if (!script.is_object() || !script.contains("args")) return false;
  Json arguments = script["args"];
  if (arguments.is_object()) {
    const bool on = !arguments.contains("enabled") || IsOn(arguments["enabled"]);
    const bool is_setting =
        std::any_of(plugin.parameters.begin(), plugin.parameters.end(),
                    [](const v1::Parameter& parameter) { return parameter.id() == "enabled"; });
    if (!is_setting) arguments.erase("enabled");
    BRIDGE_RETURN_IF_ERROR(ReadNamed(arguments, plugin, store, choice));
    return on;
  }
  if (!arguments.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"args\" of the script ", plugin.plugin.name(), " must be a list"));
  }
  if (arguments.empty() || !IsOn(arguments[0])) return false;
  const std::vector<const v1::Parameter*> parameters = ByNumber(plugin);
  // Surplus arguments are left out, as A1111 does.
  for (size_t i = 0; i < parameters.size() && i + kFirstSetting < arguments.size(); ++i) {
    BRIDGE_RETURN_IF_ERROR(
        ReadSetting(*parameters[i], arguments[i + kFirstSetting], store, choice));
  }
  if (arguments.size() > 1 && arguments[1].is_object()) {
    BRIDGE_RETURN_IF_ERROR(ReadNamed(arguments[1], plugin, store, choice));
  }
  return true;
}

}  // namespace

std::vector<std::string> ScriptTitles(const std::vector<PluginDescription>& plugins) {
  std::vector<std::string> titles;
  std::set<std::string> used;
  for (const PluginDescription& plugin : plugins) {
    const std::string& id = plugin.plugin.id();
    std::string title = plugin.plugin.name().empty() ? id : plugin.plugin.name();
    if (!used.insert(absl::AsciiStrToLower(title)).second) absl::StrAppend(&title, " (", id, ")");
    titles.push_back(std::move(title));
  }
  return titles;
}

Json ScriptList(const std::vector<PluginDescription>& plugins) {
  Json titles = Json::array();
  for (const std::string& title : ScriptTitles(plugins)) {
    titles.push_back(absl::AsciiStrToLower(title));
  }
  Json of_img2img = titles;
  for (const Json& name : OutpaintingScripts()) of_img2img.push_back(name);
  return {{"txt2img", titles}, {"img2img", std::move(of_img2img)}};
}

Json ScriptInfo(const std::vector<PluginDescription>& plugins) {
  const std::vector<std::string> titles = ScriptTitles(plugins);
  Json entries = Json::array();
  for (const bool is_img2img : {false, true}) {
    for (size_t i = 0; i < plugins.size(); ++i) {
      Json arguments = {Argument("Enabled", false), Argument("Settings by name", Json::object())};
      for (const v1::Parameter* parameter : ByNumber(plugins[i])) {
        arguments.push_back(ArgumentOf(*parameter));
      }
      entries.push_back({{"name", absl::AsciiStrToLower(titles[i])},
                         {"is_alwayson", true},
                         {"is_img2img", is_img2img},
                         {"args", std::move(arguments)}});
    }
  }
  return entries;
}

absl::StatusOr<std::vector<v1::PluginChoice>> ReadAlwaysOnScripts(
    const Json& scripts, const std::vector<PluginDescription>& plugins, const StorePicture& store) {
  std::vector<v1::PluginChoice> choices;
  const std::vector<std::string> titles = ScriptTitles(plugins);
  for (const auto& [title, script] : scripts.items()) {
    size_t i = 0;
    while (i < plugins.size() && !absl::EqualsIgnoreCase(title, titles[i]) &&
           !absl::EqualsIgnoreCase(title, plugins[i].plugin.id())) {
      ++i;
    }
    if (i == plugins.size()) {
      if (absl::EqualsIgnoreCase(title, "controlnet") && IsEmpty(script)) continue;
      return absl::InvalidArgumentError(absl::StrCat("always on script ", title, " not found"));
    }
    v1::PluginChoice choice;
    choice.set_plugin_id(plugins[i].plugin.id());
    BRIDGE_ASSIGN_OR_RETURN(const bool on, ReadArguments(script, plugins[i], store, choice));
    if (on) choices.push_back(std::move(choice));
  }
  return choices;
}

}  // namespace patchbay::webui
