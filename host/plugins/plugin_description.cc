#include "host/plugins/plugin_description.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

std::string FieldDifference(const PluginField& a, const PluginField& b) {
  const std::pair<const char*, std::string PluginField::*> texts[] = {
      {"id", &PluginField::id},       {"default", &PluginField::default_text},
      {"label", &PluginField::label}, {"help", &PluginField::help},
      {"group", &PluginField::group}, {"visible_if", &PluginField::visible_if}};
  for (const auto& [name, member] : texts) {
    if (a.*member != b.*member) {
      return absl::StrCat(name, " (\"", a.*member, "\", \"", b.*member, "\")");
    }
  }
  if (a.number != b.number) return absl::StrCat("number (", a.number, ", ", b.number, ")");
  if (a.type != b.type) return "type";
  if (a.unit != b.unit) return "unit";
  if (a.flags != b.flags) return "flags";
  if (a.choices != b.choices) return "choices";
  return "range";
}

std::string FieldsDifference(const std::vector<PluginField>& a, const std::vector<PluginField>& b) {
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (!(a[i] == b[i]))
      return absl::StrCat("field \"", a[i].id, "\": ", FieldDifference(a[i], b[i]));
  }
  return absl::StrCat("number of fields (", a.size(), ", ", b.size(), ")");
}

}  // namespace

std::string FamilyName(patchbay_model_family family) {
  const char* const name = sdk::schema_name(sdk::kFamilyNames, family);
  return name == nullptr ? "unknown" : name;
}

std::optional<patchbay_model_family> FamilyNamed(std::string_view name) {
  const std::optional<int64_t> family = sdk::schema_value(sdk::kFamilyNames, name);
  if (!family.has_value()) return std::nullopt;
  return static_cast<patchbay_model_family>(*family);
}

std::string FirstDifference(const PluginDescription& a, const PluginDescription& b) {
  if (a == b) return "";
  const std::pair<const char*, std::string PluginDescription::*> texts[] = {
      {"id", &PluginDescription::id},         {"version", &PluginDescription::version},
      {"title", &PluginDescription::title},   {"summary", &PluginDescription::summary},
      {"source", &PluginDescription::source}, {"licence", &PluginDescription::licence}};
  for (const auto& [name, member] : texts) {
    if (a.*member != b.*member) {
      return absl::StrCat(name, " (\"", a.*member, "\", \"", b.*member, "\")");
    }
  }
  if (a.fields != b.fields) return FieldsDifference(a.fields, b.fields);
  const std::pair<const char*, std::vector<std::string> PluginDescription::*> lists[] = {
      {"required_hooks", &PluginDescription::required_hooks},
      {"before", &PluginDescription::before},
      {"after", &PluginDescription::after},
      {"conflicts", &PluginDescription::conflicts}};
  for (const auto& [name, member] : lists) {
    if (a.*member != b.*member) return name;
  }
  if (a.families != b.families) return "families";
  if (a.flags != b.flags) return "flags";
  return a.phase != b.phase ? "phase" : "actions";
}

}  // namespace patchbay
