#include "host/service/plugin_conversion.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/plugin_values.h"
#include "host/service/error_conversion.h"

namespace patchbay {
namespace {

constexpr size_t kNameDigits = 12;  // of an artifact's id, where it stands for a name

absl::Status Refuse(const char* where, const std::string& what) {
  return WithDetails(absl::InvalidArgumentError(absl::StrCat(where, ": ", what)),
                     {std::string(error_reason::kInvalidSettings), {{"field", where}}, {}});
}

absl::StatusOr<std::string> TypedValue(const char* where, const std::string& field,
                                       const v1::ParameterValue& value) {
  switch (value.kind_case()) {
    case v1::ParameterValue::kBoolValue:
      return std::string(value.bool_value() ? "true" : "false");
    case v1::ParameterValue::kIntValue:
      return absl::StrCat(value.int_value());
    case v1::ParameterValue::kDoubleValue:
      return nlohmann::json(value.double_value()).dump();  // the shortest that reads back the same
    case v1::ParameterValue::kStringValue:
      return value.string_value();
    case v1::ParameterValue::kTypedValue:
      return value.typed_value();
    case v1::ParameterValue::kListValue:
      break;
    default:
      return Refuse(where, absl::StrCat(field, " is neither a number, a text nor a list of these"));
  }
  std::vector<std::string> parts;
  for (const v1::ParameterValue& part : value.list_value().values()) {
    if (part.has_list_value()) return Refuse(where, field + " is a list of lists");
    PATCHBAY_ASSIGN_OR_RETURN(std::string typed, TypedValue(where, field, part));
    parts.push_back(std::move(typed));
  }
  return absl::StrJoin(parts, "/");
}

struct ValueToProto {
  v1::ParameterValue& proto;
  void operator()(bool value) const { proto.set_bool_value(value); }
  void operator()(int64_t value) const { proto.set_int_value(value); }
  void operator()(double value) const { proto.set_double_value(value); }
  void operator()(const std::string& value) const { proto.set_string_value(value); }
  template <typename Number>
  void operator()(const std::vector<Number>& values) const {
    proto.mutable_list_value();
    for (const Number value : values)
      ValueToProto{*proto.mutable_list_value()->add_values()}(value);
  }
};

v1::Parameter ParameterToProto(const PluginField& field) {
  v1::Parameter proto;
  proto.set_id(field.id);
  proto.set_number(field.number);
  proto.set_type(static_cast<v1::ParameterType>(field.type));
  proto.set_label(field.label);
  proto.set_help(field.help);
  proto.set_group(field.group);
  proto.set_unit(static_cast<v1::ParameterUnit>(field.unit));
  if (HasRange(field)) {
    proto.set_minimum(field.minimum);
    proto.set_maximum(field.maximum);
    proto.set_soft_minimum(field.soft_minimum);
    proto.set_soft_maximum(field.soft_maximum);
    if (field.step > 0) proto.set_step(field.step);
  }
  std::visit(ValueToProto{*proto.mutable_default_value()}, DefaultSettingValue(field));
  for (const FieldChoice& choice : field.choices) {
    v1::ParameterChoice* added = proto.add_choices();
    added->set_id(choice.id);
    added->set_label(choice.label);
  }
  proto.set_visible_if(field.visible_if);
  proto.set_advanced((field.flags & PATCHBAY_FIELD_ADVANCED) != 0);
  proto.set_multiline((field.flags & PATCHBAY_FIELD_MULTILINE) != 0);
  proto.set_deprecated((field.flags & PATCHBAY_FIELD_DEPRECATED) != 0);
  proto.set_frames(HasFrames(field));
  return proto;
}
static_assert(static_cast<int>(v1::PARAMETER_TYPE_FILE) == PATCHBAY_FIELD_FILE);
static_assert(static_cast<int>(v1::PARAMETER_UNIT_MEBIBYTE) == PATCHBAY_UNIT_MEBIBYTE);

PluginField FieldFromProto(const v1::Parameter& proto) {
  PluginField field;
  field.id = proto.id();
  field.number = proto.number();
  field.type = static_cast<patchbay_field_type>(proto.type());
  field.label = proto.label();
  field.help = proto.help();
  field.group = proto.group();
  field.unit = static_cast<patchbay_unit>(proto.unit());
  field.minimum = proto.minimum();
  field.maximum = proto.maximum();
  field.soft_minimum = proto.soft_minimum();
  field.soft_maximum = proto.soft_maximum();
  field.step = proto.step();
  field.default_text =
      TypedValue("default_value", field.id, proto.default_value()).value_or(std::string());
  for (const v1::ParameterChoice& choice : proto.choices()) {
    field.choices.push_back({choice.id(), choice.label()});
  }
  field.visible_if = proto.visible_if();
  if (proto.frames()) field.flags |= PATCHBAY_FIELD_FRAMES;
  return field;
}

v1::PluginState StateToProto(PluginState state) {
  return static_cast<v1::PluginState>(static_cast<int>(state) + 1);
}
static_assert(static_cast<int>(PluginState::kInstalled) + 1 == v1::PLUGIN_STATE_INSTALLED);
static_assert(static_cast<int>(PluginState::kActive) + 1 == v1::PLUGIN_STATE_ACTIVE);
static_assert(static_cast<int>(PluginState::kRetiring) + 1 == v1::PLUGIN_STATE_RETIRING);
static_assert(static_cast<int>(PluginState::kRetired) + 1 == v1::PLUGIN_STATE_RETIRED);
static_assert(static_cast<int>(PluginState::kSuspended) + 1 == v1::PLUGIN_STATE_SUSPENDED);
static_assert(static_cast<int>(PluginState::kQuarantined) + 1 == v1::PLUGIN_STATE_QUARANTINED);

PluginState StateFromProto(v1::PluginState state) {
  const bool known = state >= v1::PLUGIN_STATE_INSTALLED && state <= v1::PLUGIN_STATE_QUARANTINED;
  return known ? static_cast<PluginState>(static_cast<int>(state) - 1) : PluginState::kInstalled;
}

}  // namespace

absl::StatusOr<SettingPairs> SettingsFromParameters(const char* where, const ParameterMap& values,
                                                    std::vector<NamedArtifact>* files) {
  // Sorted, since the order of a message's map is not defined and equal requests must be equal.
  std::map<std::string, std::string> typed;
  std::map<std::string, std::string> artifacts;
  for (const auto& [field, value] : values) {
    if (value.kind_case() != v1::ParameterValue::kArtifactId) {
      PATCHBAY_ASSIGN_OR_RETURN(typed[field], TypedValue(where, field, value));
      continue;
    }
    if (files == nullptr) {
      return Refuse(where, absl::StrCat(field,
                                        " is an artifact; only the name of a file in the "
                                        "server's folder (serve --plugin-files) lasts"));
    }
    typed[field] = value.artifact_id().substr(0, kNameDigits);
    if (!value.artifact_id().empty()) artifacts[typed[field]] = value.artifact_id();
  }
  for (const auto& [name, id] : artifacts) {
    const NamedArtifact file{name, id};
    if (std::find(files->begin(), files->end(), file) == files->end()) files->push_back(file);
  }
  return SettingPairs(typed.begin(), typed.end());
}

void SettingsToParameters(const SettingPairs& settings, ParameterMap* values) {
  for (const auto& [field, value] : settings) (*values)[field].set_typed_value(value);
}

v1::Plugin PluginToProto(const PluginStatus& plugin) {
  v1::Plugin proto;
  proto.set_id(plugin.description.id);
  proto.set_version(plugin.description.version);
  proto.set_build(plugin.build);
  proto.set_name(plugin.description.title);
  proto.set_description(plugin.description.summary);
  proto.set_state(StateToProto(plugin.state));
  for (const std::string& hook : plugin.hooks) proto.add_hooks(hook);
  for (const patchbay_model_family family : plugin.description.families) {
    proto.add_families(FamilyName(family));
  }
  proto.mutable_install_time()->set_seconds(absl::ToUnixSeconds(plugin.install_time));
  SettingsToParameters(plugin.settings, proto.mutable_settings());
  proto.set_place(plugin.place);
  proto.set_fault_count(plugin.fault_count);
  if (!plugin.fault.ok()) *proto.mutable_fault() = ErrorToProto(plugin.fault);
  return proto;
}

PluginStatus PluginFromProto(const v1::Plugin& proto) {
  PluginStatus plugin;
  plugin.description.id = proto.id();
  plugin.description.version = proto.version();
  plugin.description.title = proto.name();
  plugin.description.summary = proto.description();
  plugin.build = proto.build();
  plugin.state = StateFromProto(proto.state());
  plugin.hooks.assign(proto.hooks().begin(), proto.hooks().end());
  for (const std::string& name : proto.families()) {
    const std::optional<patchbay_model_family> family = FamilyNamed(name);
    if (family.has_value()) plugin.description.families.push_back(*family);
  }
  plugin.install_time = absl::FromUnixSeconds(proto.install_time().seconds());
  plugin.settings = SettingsFromParameters("settings", proto.settings()).value_or(SettingPairs());
  plugin.place = proto.place();
  plugin.fault_count = proto.fault_count();
  if (proto.has_fault()) plugin.fault = ErrorFromProto(proto.fault());
  return plugin;
}

v1::GetPluginSchemaResponse SchemaToProto(const PluginStatus& plugin) {
  v1::GetPluginSchemaResponse proto;
  *proto.mutable_plugin() = PluginToProto(plugin);
  for (const PluginField& field : plugin.description.fields) {
    *proto.add_parameters() = ParameterToProto(field);
  }
  for (const PluginAction& action : plugin.description.actions) {
    v1::PluginAction* added = proto.add_actions();
    added->set_id(action.id);
    added->set_title(action.title);
    added->set_help(action.help);
    for (const PluginField& field : action.fields) {
      *added->add_parameters() = ParameterToProto(field);
    }
  }
  return proto;
}

PluginStatus SchemaFromProto(const v1::GetPluginSchemaResponse& proto) {
  PluginStatus plugin = PluginFromProto(proto.plugin());
  for (const v1::Parameter& field : proto.parameters()) {
    plugin.description.fields.push_back(FieldFromProto(field));
  }
  for (const v1::PluginAction& action : proto.actions()) {
    PluginAction& added = plugin.description.actions.emplace_back();
    added.id = action.id();
    added.title = action.title();
    added.help = action.help();
    for (const v1::Parameter& field : action.parameters()) {
      added.fields.push_back(FieldFromProto(field));
    }
  }
  return plugin;
}

v1::PluginActionRun ActionRunToProto(const ActionRun& run) {
  v1::PluginActionRun proto;
  proto.set_id(run.id);
  proto.set_plugin_id(run.request.plugin);
  proto.set_action_id(run.request.action);
  proto.set_state(static_cast<v1::PluginActionState>(static_cast<int>(run.state) + 1));
  proto.set_fraction(run.fraction);
  proto.set_activity(run.activity);
  for (const ActionResult& result : run.results) {
    v1::PluginActionResult* added = proto.add_results();
    added->set_name(result.name);
    added->set_artifact_id(result.artifact_id);
  }
  if (!run.error.ok()) *proto.mutable_error() = ErrorToProto(run.error);
  return proto;
}
ActionRun ActionRunFromProto(const v1::PluginActionRun& proto) {
  ActionRun run;
  run.id = proto.id();
  run.request.plugin = proto.plugin_id();
  run.request.action = proto.action_id();
  const bool known = proto.state() >= v1::PLUGIN_ACTION_STATE_QUEUED &&
                     proto.state() <= v1::PLUGIN_ACTION_STATE_CANCELLED;
  run.state =
      known ? static_cast<ActionState>(static_cast<int>(proto.state()) - 1) : ActionState::kRunning;
  run.fraction = proto.fraction();
  run.activity = proto.activity();
  for (const v1::PluginActionResult& result : proto.results()) {
    run.results.push_back({result.name(), result.artifact_id()});
  }
  if (proto.has_error()) run.error = ErrorFromProto(proto.error());
  return run;
}
static_assert(static_cast<int>(ActionState::kQueued) + 1 == v1::PLUGIN_ACTION_STATE_QUEUED);
static_assert(static_cast<int>(ActionState::kCancelled) + 1 == v1::PLUGIN_ACTION_STATE_CANCELLED);

v1::Chain ChainToProto(const ChainPlan& plan) {
  v1::Chain proto;
  proto.set_digest(plan.digest);
  for (const ChainLink& link : plan.links) {
    v1::ChainLink* added = proto.add_links();
    added->set_plugin_id(link.plugin);
    added->set_build(link.build);
    SettingsToParameters(link.settings, added->mutable_settings());
    for (const std::string& site : link.sites) added->add_sites(site);
  }
  return proto;
}

ChainPlan ChainFromProto(const v1::Chain& proto) {
  ChainPlan plan;
  plan.digest = proto.digest();
  for (const v1::ChainLink& link : proto.links()) {
    plan.links.push_back(
        {link.plugin_id(),
         link.build(),
         SettingsFromParameters("settings", link.settings()).value_or(SettingPairs()),
         {link.sites().begin(), link.sites().end()},
         {}});
  }
  return plan;
}

}  // namespace patchbay
