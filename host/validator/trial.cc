#include "host/validator/trial.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/abi_rules.h"
#include "host/plugins/plugin_files.h"
#include "host/plugins/settings_text.h"
#include "host/validator/tiny_model.h"

namespace patchbay {
namespace {

// The first of the validator's models that the plugin is for.
absl::StatusOr<ModelFamily> FirstFamily(const std::vector<patchbay_model_family>& families) {
  constexpr std::pair<patchbay_model_family, ModelFamily> kTried[] = {
      {PATCHBAY_MODEL_SD1, ModelFamily::kStableDiffusion1},
      {PATCHBAY_MODEL_SD2, ModelFamily::kStableDiffusion2},
      {PATCHBAY_MODEL_SDXL, ModelFamily::kStableDiffusionXl}};
  for (const auto& [declared, family] : kTried) {
    if (families.empty() || std::find(families.begin(), families.end(), declared) != families.end())
      return family;
  }
  return absl::UnimplementedError(
      "the plugin is for no family that the validator has a model of: sd1, sd2, sdxl");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Trial>> Trial::Open(const Subject& subject, Place& place,
                                                   at::ScalarType precision,
                                                   std::optional<ModelFamily> family) {
  // Results must not depend on how many there are, and the machine may be busy.
  at::set_num_threads(1);
  place.Set("while it was loaded");
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const PluginLibrary> library,
                            PluginLibrary::Load(*subject.plugin, ThisHostAbi()));
  place.Set("");
  if (!family.has_value()) {
    PATCHBAY_ASSIGN_OR_RETURN(family, FirstFamily(subject.manifest().description.families));
  }
  PATCHBAY_ASSIGN_OR_RETURN(auto model, MakeTinyModel(*family, precision));
  return absl::WrapUnique(new Trial(std::move(library), std::move(model), subject.settings, place));
}

Trial::Trial(std::shared_ptr<const PluginLibrary> library, std::unique_ptr<const LoadedModel> model,
             std::string settings, Place& place)
    : library_(std::move(library)),
      model_(std::move(model)),
      info_(*model_),
      settings_(std::move(settings)),
      place_(place) {}

absl::StatusOr<std::shared_ptr<const Chain>> Trial::Attach() {
  const std::vector<PluginField>& fields = library_->description().fields;
  PATCHBAY_ASSIGN_OR_RETURN(SettingPairs pairs, SplitSettings(settings_));
  std::vector<PluginFile> files;
  for (const FileSetting& setting : FileSettingsOf(fields, pairs)) {
    files.push_back({absl::StrCat("file-", files.size() + 1), setting.file});
    for (auto& [field, value] : pairs) {
      if (field == setting.field) value = files.back().name;
    }
  }
  PATCHBAY_ASSIGN_OR_RETURN(const PluginSettings settings,
                            PluginSettings::FromPairs(fields, pairs));
  return Attach(settings, files);
}

absl::StatusOr<std::shared_ptr<const Chain>> Trial::Attach(const PluginSettings& settings,
                                                           const std::vector<PluginFile>& files) {
  const std::string text = settings.CanonicalText();
  place_.Set(text.empty() ? "in create() or attach()" : "in create() or attach() with " + text);
  return Chain::Build({{library_, settings}}, /*is_explicit=*/false,
                      {model_->unet->sites(), info_.info(), monitor_, shared_,
                       PluginFiles(files, /*folder=*/"").Resources(), &weights_});
}

std::vector<std::string> Trial::site_names() const {
  std::vector<std::string> names;
  for (const Site& site : model_->unet->sites().sites()) names.push_back(site.name);
  return names;
}

}  // namespace patchbay
