#include "host/plugins/manifest.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"
#include "host/plugins/manifest_json.h"
#include "host/plugins/schema_check.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

PluginField ReadField(JsonObject& object) {
  PluginField field;
  field.id = object.Text("id");
  field.number = static_cast<int32_t>(object.Integer("number", 1, 1000000));
  field.type = static_cast<patchbay_field_type>(object.Name("type", sdk::kFieldTypeNames));
  field.label = object.Text("label");
  field.help = object.Text("help");
  field.group = object.Text("group");
  field.unit = static_cast<patchbay_unit>(object.Name("unit", sdk::kUnitNames));
  field.default_text = object.Text("default");
  field.visible_if = object.Text("visible_if");
  for (const int64_t flag : object.Names("flags", sdk::kFieldFlagNames)) {
    field.flags |= static_cast<uint32_t>(flag);
  }
  if (sdk::has_range(field.type)) {
    field.minimum = object.Number("minimum");
    field.maximum = object.Number("maximum");
    field.soft_minimum = object.Number("soft_minimum");
    field.soft_maximum = object.Number("soft_maximum");
    field.step = object.Number("step");
  }
  if (field.type == PATCHBAY_FIELD_CHOICE) {
    object.ForEach("choices", [&field](JsonObject& choice) {
      field.choices.push_back({choice.Text("id"), choice.Text("label")});
    });
  }
  return field;
}

std::vector<PluginField> ReadFields(JsonObject& object) {
  std::vector<PluginField> fields;
  object.ForEach("fields", [&fields](JsonObject& field) { fields.push_back(ReadField(field)); });
  return fields;
}

PluginDescription ReadDescription(JsonObject& object) {
  PluginDescription description;
  description.id = object.Text("id");
  description.title = object.Text("title");
  description.version = object.Text("version");
  description.summary = object.Text("summary");
  description.source = object.Text("source");
  description.licence = object.Text("licence");
  description.phase = static_cast<patchbay_phase>(object.Name("phase", sdk::kPhaseNames));
  description.required_hooks = object.Texts("required_hooks");
  description.before = object.Texts("before");
  description.after = object.Texts("after");
  description.conflicts = object.Texts("conflicts");
  for (const int64_t family : object.Names("families", sdk::kFamilyNames)) {
    description.families.push_back(static_cast<patchbay_model_family>(family));
  }
  for (const int64_t flag : object.Names("flags", sdk::kPluginFlagNames)) {
    description.flags |= static_cast<uint32_t>(flag);
  }
  description.fields = ReadFields(object);
  object.ForEach("actions", [&description](JsonObject& action) {
    PluginAction read{action.Text("id"), action.Text("title"), action.Text("help"), {}};
    read.fields = ReadFields(action);
    description.actions.push_back(std::move(read));
  });
  return description;
}

absl::Status CheckLibrary(const PluginManifest& manifest) {
  const std::string& library = manifest.library;
  if (library.empty() || library.size() > 255 || library.front() == '.' ||
      library.find_first_of("/\\") != std::string::npos ||
      library.find('\0') != std::string::npos || library == kManifestFileName) {
    return absl::InvalidArgumentError(absl::StrCat(
        "library is \"", library.substr(0, 60),
        "\"; it must be the name of a file in the manifest's own folder, without folders"));
  }
  if (manifest.sha256.size() != 64 || !IsHexadecimal(manifest.sha256)) {
    return absl::InvalidArgumentError("sha256 must be 64 lower-case hexadecimal digits");
  }
  return absl::OkStatus();
}

absl::StatusOr<PluginManifest> Read(std::string_view text) {
  PATCHBAY_ASSIGN_OR_RETURN(const nlohmann::json json, ParseStrictJson(text, kMaxManifestBytes));
  PluginManifest manifest;
  absl::Status status;
  JsonObject object(json, "the manifest", status);
  if (object.Integer("format", 0, 1000000) != 1 && status.ok()) {
    return absl::InvalidArgumentError("its format is not 1; it is for another version of the host");
  }
  manifest.description = ReadDescription(object);
  object.Inner("abi", [&manifest](JsonObject& abi) {
    manifest.abi.major = static_cast<uint32_t>(abi.Integer("major", 0, 1000000));
    manifest.abi.minor = static_cast<uint32_t>(abi.Integer("minor", 0, 1000000));
  });
  manifest.tier = static_cast<patchbay_tier>(object.Name("tier", sdk::kTierNames));
  manifest.fingerprint = object.Text("fingerprint");
  manifest.library = object.Text("library");
  manifest.sha256 = object.Text("sha256");
  object.Finish();
  PATCHBAY_RETURN_IF_ERROR(status);
  PATCHBAY_RETURN_IF_ERROR(CheckLibrary(manifest));
  PATCHBAY_RETURN_IF_ERROR(CheckDescription(manifest.description));
  return manifest;
}

}  // namespace

absl::StatusOr<PluginManifest> ParseManifest(std::string_view text, const std::string& name) {
  absl::StatusOr<PluginManifest> manifest = Read(text);
  if (manifest.ok()) return manifest;
  return absl::Status(manifest.status().code(),
                      absl::StrCat(name, ": ", manifest.status().message()));
}

absl::StatusOr<PluginManifest> ReadManifest(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
  const auto bytes = file->bytes();
  return ParseManifest({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

absl::Status CheckSameAsManifest(const PluginManifest& manifest, const PluginManifest& loaded) {
  std::string difference;
  if (!(manifest.abi == loaded.abi)) {
    difference = "abi";
  } else if (manifest.tier != loaded.tier) {
    difference = "tier";
  } else if (manifest.fingerprint != loaded.fingerprint) {
    difference = "fingerprint";
  } else {
    difference = FirstDifference(manifest.description, loaded.description);
  }
  if (difference.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the library differs from its manifest in: ", difference,
                   ". Build it again, so that the manifest is written anew."));
}

}  // namespace patchbay
