// Runs an action of a chain's plugin.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/plugins/chain.h"
#include "host/plugins/chain_instance.h"
#include "host/plugins/plugin_fault.h"
#include "host/runtime/hooks/tensor_handle.h"
#include "patchbay/abi_struct.h"

namespace patchbay {
namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr uint32_t kMaxPictures = 64;

absl::StatusOr<ActionPrompts> ReadPrompts(const patchbay_action_prompts& given) {
  if (given.picture_count == 0 || given.picture_count > kMaxPictures || given.prompts == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("an action draws 1 to ", kMaxPictures,
                                                   " pictures at once, not ", given.picture_count));
  }
  ActionPrompts read{{}, {}, given.seed, given.latent_height, given.latent_width};
  for (uint32_t i = 0; i < given.picture_count; ++i) {
    const char* const negative = given.negative_prompts == nullptr ? "" : given.negative_prompts[i];
    if (given.prompts[i] == nullptr || negative == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("prompt ", i, " is NULL"));
    }
    read.prompts.emplace_back(given.prompts[i]);
    read.negative_prompts.emplace_back(negative);
  }
  return read;
}

// The host's side of a patchbay_action_context.
struct ActionHost {
  ActionObserver& observer;
  ActionModel& model;

  static ActionObserver& Of(const patchbay_action_context* context) {
    return static_cast<ActionHost*>(context->host)->observer;
  }
  static ActionModel& ModelOf(const patchbay_action_context* context) {
    return static_cast<ActionHost*>(context->host)->model;
  }

  static void Progress(const patchbay_action_context* context, double fraction, const char* text) {
    const double bounded = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    Of(context).OnProgress(bounded, text == nullptr ? "" : text);
  }

  static int32_t IsCancelled(const patchbay_action_context* context) {
    return Of(context).IsCancelled() ? 1 : 0;
  }

  static patchbay_status Artifact(const patchbay_action_context* context, const char* name,
                                  const void* bytes, uint64_t size, patchbay_error* error) {
    return Report(
        Keep(Of(context), name == nullptr ? "" : name, {static_cast<const char*>(bytes), size}),
        error);
  }

  static patchbay_status Report(const absl::Status& status, patchbay_error* error) {
    if (!status.ok() && error != nullptr) {
      std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
    }
    return static_cast<patchbay_status>(status.code());
  }

  static patchbay_status SetPrompts(const patchbay_action_context* context,
                                    const patchbay_action_prompts* prompts, patchbay_error* error) {
    const absl::StatusOr<ActionPrompts> read = ReadPrompts(sdk::copy_prefix(*prompts));
    return Report(read.ok() ? ModelOf(context).SetPrompts(*read) : read.status(), error);
  }

  static patchbay_status Draw(const patchbay_action_context* context,
                              const patchbay_action_pass* pass, patchbay_tensor* latents,
                              patchbay_error* error) {
    const patchbay_action_pass given = sdk::copy_prefix(*pass);
    ActionPass wanted{given.step_count, std::nullopt, std::nullopt, given.guidance_scale};
    if (given.sampler != nullptr) wanted.sampler = given.sampler;
    if (given.schedule != nullptr) wanted.schedule = given.schedule;
    absl::StatusOr<at::Tensor> drawn = ModelOf(context).Draw(wanted);
    if (drawn.ok() && latents != nullptr) *latents = NewHandle(*std::move(drawn));
    return Report(drawn.status(), error);
  }

  static absl::Status Keep(ActionObserver& observer, const std::string& name,
                           std::string_view bytes) {
    const bool plain = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' &&
                       name.find('/') == std::string::npos;
    if (plain) return observer.OnArtifact(name, bytes);
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name.substr(0, 80), "\" is no plain file name for a result"));
  }

  static constexpr patchbay_action_functions kTable = {
      .struct_size = sizeof(patchbay_action_functions),
      .progress = &Progress,
      .is_cancelled = &IsCancelled,
      .artifact = &Artifact,
      .set_prompts = &SetPrompts,
      .draw = &Draw,
  };
};

}  // namespace

absl::StatusOr<PluginSettings> Chain::ActionSettings(const std::string& action,
                                                     const SettingPairs& settings) const {
  const PluginDescription& plugin = libraries_.front()->description();
  for (const PluginAction& known : plugin.actions) {
    if (known.id == action) return PluginSettings::FromPairs(known.fields, settings);
  }
  return absl::NotFoundError(
      absl::StrCat("plugin ", plugin.id, " has no action \"", action.substr(0, 80), "\""));
}

absl::Status Chain::RunAction(const std::string& action, const PluginSettings& settings,
                              const SettingResources& resources, ActionModel& model,
                              ActionObserver& observer) const {
  if (instances_.size() != 1) {
    return absl::InternalError("an action needs a chain of its plugin alone");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const SettingArray values, SettingArray::Make(settings, resources));
  ActionHost host{observer, model};
  patchbay_action_context context = {.struct_size = sizeof(patchbay_action_context),
                                     .functions = &ActionHost::kTable,
                                     .model = &model.model(),
                                     .values = values.data(),
                                     .value_count = values.size(),
                                     .host = &host};
  return instances_.front()->RunAction(action, context);
}

}  // namespace patchbay
