#include "host/validator/plugin_docs.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "host/base/status_macros.h"
#include "host/plugins/file_settings.h"
#include "host/validator/hook_list.h"
#include "host/validator/isolated_run.h"
#include "host/validator/trial.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

// A text within a cell of a table.
std::string Cell(const std::string& text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"\n", " "}});
}

std::string Quoted(const std::string& text) { return absl::StrCat("`", Cell(text), "`"); }

// "0..1", "0..100, usually 0..10"; empty where any number will do.
std::string RangeText(const PluginField& field) {
  if (field.type == PATCHBAY_FIELD_CHOICE) {
    std::vector<std::string> ids;
    for (const FieldChoice& choice : field.choices) ids.push_back(Quoted(choice.id));
    return absl::StrJoin(ids, ", ");
  }
  if (!sdk::has_range(field.type)) return "";
  constexpr double kAny = 9e15;
  const auto range = [](double from, double to) { return absl::StrFormat("%g..%g", from, to); };
  const bool soft = field.soft_minimum > field.minimum || field.soft_maximum < field.maximum;
  const bool hard = field.minimum > -kAny || field.maximum < kAny;
  std::string text;
  if (hard && field.maximum >= kAny) {
    text = absl::StrFormat("from %g", field.minimum);
  } else if (hard && field.minimum <= -kAny) {
    text = absl::StrFormat("up to %g", field.maximum);
  } else if (hard) {
    text = range(field.minimum, field.maximum);
  }
  if (soft) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", "usually ",
                    range(field.soft_minimum, field.soft_maximum));
  }
  return text;
}

std::string UnitText(patchbay_unit unit) {
  if (unit == PATCHBAY_UNIT_NONE) return "";
  const char* const name = sdk::schema_name(sdk::kUnitNames, unit);
  return name == nullptr ? "" : absl::StrReplaceAll(name, {{"_", " "}});
}

std::string FieldRow(const PluginField& field) {
  const char* const type = sdk::schema_name(sdk::kFieldTypeNames, field.type);
  std::string help = Cell(field.help);
  if (!field.visible_if.empty()) {
    absl::StrAppend(&help, " Only with ", Quoted(field.visible_if), ".");
  }
  std::string kind = absl::StrReplaceAll(type == nullptr ? "" : type, {{"_", " "}});
  if (HasFrames(field)) absl::StrAppend(&kind, " or clip");
  if (const std::string unit = UnitText(field.unit); !unit.empty()) {
    absl::StrAppend(&kind, ", ", unit);
  }
  return absl::StrCat("| `", field.id, "` | ", kind, " | ",
                      field.default_text.empty() ? "" : Quoted(field.default_text), " | ",
                      RangeText(field), " | ", help, " |\n");
}

std::string Table(const std::vector<PluginField>& fields) {
  if (fields.empty()) return "None.\n";
  std::string text =
      "| parameter | type | default | range | what it does |\n| --- | --- | --- | --- | --- |\n";
  for (const PluginField& field : fields) text += FieldRow(field);
  return text;
}

Verdict ListHooks(const Subject& subject, Place& place) {
  const auto trial = Trial::Open(subject, place);
  if (!trial.ok()) return FromStatus(trial.status());
  const auto chain = (*trial)->Attach();
  if (!chain.ok()) return FromStatus(chain.status());
  std::string text;
  for (const auto& [hook, places] : HookList((*chain)->hooks(), (*trial)->site_names().size())) {
    absl::StrAppend(&text, "- `", hook, "`");
    if (places > 1) absl::StrAppend(&text, " at ", places, " sites");
    text += "\n";
  }
  return Pass(text.empty() ? "None.\n" : text);
}

std::string Ids(const char* what, const std::vector<std::string>& ids) {
  if (ids.empty()) return "";
  return absl::StrCat("- ", what, ": `", absl::StrJoin(ids, "`, `"), "`\n");
}

}  // namespace

absl::StatusOr<std::string> ParameterTable(const std::string& folder) {
  PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin plugin, ReadPluginFolder(folder));
  return Table(plugin.manifest.description.fields);
}

absl::StatusOr<std::string> PluginDocs(const std::string& folder) {
  PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin plugin, ReadPluginFolder(folder));
  const PluginDescription& d = plugin.manifest.description;
  const Subject subject = {folder, plugin, "", ""};
  const Verdict hooks = RunIsolated([&subject](Place& place) { return ListHooks(subject, place); },
                                    IsolationLimits());
  std::string text = absl::StrCat("# ", d.title, "\n\n", d.summary, "\n");
  if (!d.source.empty()) absl::StrAppend(&text, "Source: ", d.source, ".\n");
  absl::StrAppend(&text, "Version ", d.version, ", ", d.licence, ".\n\n## Parameters\n\n",
                  Table(d.fields), "\n## Hooks\n\n");
  absl::StrAppend(&text,
                  hooks.kind == Verdict::Kind::kPass
                      ? hooks.reason
                      : absl::StrCat("It could not be hung on a model: ", hooks.reason, "\n"));
  const char* const phase = sdk::schema_name(sdk::kPhaseNames, d.phase);
  absl::StrAppend(&text, "\n## Order\n\n- phase: ", phase == nullptr ? "" : phase, "\n",
                  Ids("before", d.before), Ids("after", d.after), Ids("not with", d.conflicts),
                  Ids("requires", d.required_hooks),
                  (d.flags & PATCHBAY_PLUGIN_REPEATABLE) != 0
                      ? "- may be used several times in one chain\n"
                      : "");
  for (const PluginAction& action : d.actions) {
    absl::StrAppend(&text, "\n## Action `", action.id, "`\n\n", action.help, "\n\n",
                    Table(action.fields));
  }
  return text;
}

}  // namespace patchbay
