#include "host/validator/trial.h"

#include <ATen/Parallel.h>

#include <utility>

#include "absl/memory/memory.h"
#include "host/base/status_macros.h"
#include "host/plugins/abi_rules.h"
#include "host/validator/tiny_model.h"

namespace patchbay {

absl::StatusOr<std::unique_ptr<Trial>> Trial::Open(const Subject& subject, Place& place,
                                                   at::ScalarType precision) {
  // Results must not depend on how many there are, and the machine may be busy.
  at::set_num_threads(1);
  place.Set("while it was loaded");
  PATCHBAY_ASSIGN_OR_RETURN(std::shared_ptr<const PluginLibrary> library,
                            PluginLibrary::Load(*subject.plugin, ThisHostAbi()));
  place.Set("");
  PATCHBAY_ASSIGN_OR_RETURN(auto model, MakeTinyModel(precision));
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
  PATCHBAY_ASSIGN_OR_RETURN(const PluginSettings settings,
                            PluginSettings::Parse(library_->description().fields, settings_));
  return Attach(settings);
}

absl::StatusOr<std::shared_ptr<const Chain>> Trial::Attach(const PluginSettings& settings) {
  const std::string text = settings.CanonicalText();
  place_.Set(text.empty() ? "in create() or attach()" : "in create() or attach() with " + text);
  return Chain::Build({{library_, settings}}, /*is_explicit=*/false,
                      {model_->unet->sites(), info_.info(), monitor_, shared_, {}});
}

std::vector<std::string> Trial::site_names() const {
  std::vector<std::string> names;
  for (const Site& site : model_->unet->sites().sites()) names.push_back(site.name);
  return names;
}

}  // namespace patchbay
