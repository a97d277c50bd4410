#include "host/engine/jobs/engine_executor.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/linked_files.h"
#include "host/engine/jobs/plugin_error.h"
#include "host/engine/jobs/request_field.h"
#include "host/engine/jobs/request_files.h"
#include "host/plugins/chain_order.h"
#include "host/plugins/plugin_fault.h"
#include "host/plugins/plugin_host.h"
#include "host/plugins/plugin_settings.h"
#include "host/runtime/pipeline/request_check.h"
#include "host/runtime/pipeline/sampling_choice.h"
#include "host/runtime/sampling/noise_schedule_config.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr int kWarmUpSide = 64;

class NoObserver final : public GenerationObserver {
 public:
  void OnStep(int, int, int, double) override {}
  bool IsCancelled() override { return false; }
};

absl::Status CheckAgainst(const GenerationRequest& settings, const ModelDescription& model) {
  PATCHBAY_RETURN_IF_ERROR(patchbay::CheckRequest(settings, model));
  PATCHBAY_RETURN_IF_ERROR(ResolveSize(settings, model).status());
  PATCHBAY_ASSIGN_OR_RETURN(const NoiseScheduleConfig schedule,
                            ParseNoiseScheduleConfig(model.scheduler_json));
  return ChooseSampling(settings, schedule).status();
}

PluginSelection SelectionOf(const JobRequest& request) {
  return {request.settings.plugins,
          !request.without_default_plugins,
          request.plugin_failure_policy == PluginFailurePolicy::kSkip,
          {}};
}

absl::Status CheckPlugin(const ChosenPlugin& choice, const PluginHost& plugins) {
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, plugins.Find(choice.id, choice.build));
  const absl::Status settings =
      PluginSettings::FromPairs(plugin.description.fields, choice.settings).status();
  if (settings.ok()) return settings;
  return WithDetails(
      absl::Status(settings.code(), absl::StrCat("plugin ", choice.id, ": ", settings.message())),
      {std::string(error_reason::kInvalidSettings), {{"plugin", choice.id}}, std::nullopt});
}

absl::Status AboutFile(const absl::Status& status, const std::string& plugin,
                       const std::string& field) {
  return WithDetails(
      absl::Status(status.code(), absl::StrCat("plugin ", plugin, ": ", status.message())),
      {std::string(error_reason::kInvalidSettings),
       {{"plugin", plugin}, {"field", field}},
       std::nullopt});
}

// Whether there are the files that these settings name, and are pictures where they must be.
absl::Status CheckFiles(const std::string& plugin, const std::vector<PluginField>& fields,
                        const SettingPairs& settings, const PluginFiles& files) {
  for (const FileSetting& setting : FileSettingsOf(fields, settings)) {
    const absl::Status status = files.Check(setting);
    if (!status.ok()) return AboutFile(status, plugin, setting.field);
  }
  return absl::OkStatus();
}

// Likewise of all plugins of a job, those included that are active.
absl::Status CheckFiles(const JobRequest& request, const ResolvedPlugins& resolved,
                        const PluginHost& plugins, const PluginFiles& files) {
  for (const ChosenPlugin& plugin : resolved.plugins) {
    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus found, plugins.Find(plugin.id, plugin.build));
    const absl::Status status =
        CheckFiles(plugin.id, found.description.fields, plugin.settings, files);
    if (status.ok()) continue;
    const std::vector<ChosenPlugin>& choices = request.settings.plugins;
    const bool is_chosen =
        std::any_of(choices.begin(), choices.end(),
                    [&plugin](const ChosenPlugin& choice) { return choice.id == plugin.id; });
    if (is_chosen) return status;
    if (request.plugin_failure_policy == PluginFailurePolicy::kSkip) continue;
    // The server's own file has gone; the request is not to blame.
    return WithDetails(absl::FailedPreconditionError(status.message()),
                       {std::string(error_reason::kPluginRefused), {{"plugin", plugin.id}}, {}});
  }
  return absl::OkStatus();
}

// Whether these plugins can stand in one chain.
absl::Status CheckTogether(const JobRequest& request, const ResolvedPlugins& resolved,
                           const PluginHost& plugins) {
  std::vector<OrderConstraints> constraints;
  for (const ChosenPlugin& plugin : resolved.plugins) {
    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus found, plugins.Find(plugin.id, plugin.build));
    constraints.push_back(ConstraintsOf(found.description, plugin.wished_place));
  }
  const absl::Status status =
      OrderChain(constraints, request.settings.plugins_in_given_order).status();
  if (status.ok()) return status;
  if (!request.settings.plugins.empty()) return AboutRequestField("plugins", status);
  // The server's own default chain; the request is not to blame.
  return WithReason(absl::FailedPreconditionError(status.message()), error_reason::kPluginRefused);
}

// Whether the plugins are there, may be used, take their settings and files, and can stand beside
// each other; how they fit the model shows when their chain is built.
absl::Status CheckPlugins(const JobRequest& request, const std::vector<PluginFile>& from_request,
                          const PluginHost* plugins) {
  for (const ChosenPlugin& choice : request.settings.plugins) {
    const absl::Status status =
        plugins == nullptr
            ? absl::NotFoundError(absl::StrCat("this server has no plugin \"", choice.id, "\""))
            : CheckPlugin(choice, *plugins);
    if (!status.ok()) return AboutPlugin(status, choice.id);
  }
  if (plugins == nullptr) return absl::OkStatus();
  const auto resolved = plugins->Resolve(SelectionOf(request));
  if (!resolved.ok()) return WithPluginReason(resolved.status());
  PATCHBAY_RETURN_IF_ERROR(CheckTogether(request, *resolved, *plugins));
  return CheckFiles(request, *resolved, *plugins, plugins->FilesFor(from_request));
}

}  // namespace

absl::StatusOr<std::unique_ptr<EngineExecutor>> EngineExecutor::Make(ModelRegistry& models,
                                                                     ArtifactStore& artifacts,
                                                                     std::string work_folder,
                                                                     std::string lora_folder,
                                                                     PrivatePaths private_paths) {
  std::error_code error;
  fs::remove_all(work_folder, error);
  fs::create_directories(work_folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", work_folder));
  if (!lora_folder.empty() && !fs::is_directory(lora_folder, error)) {
    return absl::NotFoundError(absl::StrCat("there is no folder of LoRAs at ", lora_folder));
  }
  return absl::WrapUnique(new EngineExecutor(models, artifacts, std::move(work_folder),
                                             std::move(lora_folder), std::move(private_paths)));
}

absl::Status EngineExecutor::Check(const JobRequest& request) {
  return private_paths_.Hidden(CheckRequest(request));
}

absl::StatusOr<JobExecutor::Outcome> EngineExecutor::Execute(const std::string& job_id,
                                                             const JobRequest& request,
                                                             GenerationObserver& observer) {
  absl::StatusOr<Outcome> outcome = ExecuteRequest(job_id, request, observer);
  if (!outcome.ok()) return private_paths_.Hidden(outcome.status());
  for (std::string& warning : outcome->result.report.warnings) {
    warning = private_paths_.Hidden(warning);
  }
  return outcome;
}

absl::StatusOr<ChainPlan> EngineExecutor::Plan(const JobRequest& request) {
  absl::StatusOr<ChainPlan> plan = PlanRequest(request);
  if (!plan.ok()) return private_paths_.Hidden(plan.status());
  for (std::string& warning : plan->warnings) warning = private_paths_.Hidden(warning);
  return plan;
}

absl::Status EngineExecutor::CheckAction(const ActionRequest& request) const {
  return private_paths_.Hidden(CheckActionRequest(request));
}

absl::Status EngineExecutor::RunAction(const ActionRequest& request, ActionObserver& observer) {
  return private_paths_.Hidden(RunActionRequest(request, observer));
}

absl::Status EngineExecutor::CheckRequest(const JobRequest& request) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginFile> files, LinkFiles(request.plugin_files));
  PATCHBAY_RETURN_IF_ERROR(CheckPlugins(request, files, models_.plugins().get()));
  PATCHBAY_ASSIGN_OR_RETURN(const ModelDescription model, models_.Describe(request.model));
  PATCHBAY_ASSIGN_OR_RETURN(const GenerationRequest settings,
                            ReadRequestFiles(request, artifacts_, lora_folder_));
  const absl::Status status = CheckAgainst(settings, model);
  return status.ok() ? status : WithReason(status, error_reason::kInvalidSettings);
}

absl::StatusOr<JobExecutor::Outcome> EngineExecutor::ExecuteRequest(const std::string& job_id,
                                                                    const JobRequest& request,
                                                                    GenerationObserver& observer) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::shared_ptr<Engine> engine, models_.Acquire(request.model));
  PATCHBAY_ASSIGN_OR_RETURN(GenerationRequest settings,
                            ReadRequestFiles(request, artifacts_, lora_folder_));
  PATCHBAY_ASSIGN_OR_RETURN(const JobFolder folder,
                            JobFolder::Make((fs::path(work_folder_) / job_id).string(), request,
                                            artifacts_, lora_folder_, settings));
  PATCHBAY_ASSIGN_OR_RETURN(settings.plugin_files, LinkFiles(request.plugin_files));
  const double load_seconds = engine->load_seconds();
  Outcome outcome;
  PATCHBAY_ASSIGN_OR_RETURN(outcome.result, Draw(*engine, request, settings, observer));
  outcome.load_seconds = engine->load_seconds() - load_seconds;
  return outcome;
}

absl::StatusOr<GenerationResult> EngineExecutor::Draw(Engine& engine, const JobRequest& request,
                                                      GenerationRequest& settings,
                                                      GenerationObserver& observer) const {
  PluginSelection selection = SelectionOf(request);
  std::vector<std::string> warnings;
  while (true) {
    ResolvedPlugins resolved;
    if (PluginHost* const plugins = models_.plugins().get(); plugins != nullptr) {
      auto found = plugins->Resolve(selection);
      if (!found.ok()) return WithPluginReason(found.status());
      resolved = *std::move(found);
      settings.plugins = std::move(resolved.plugins);
    }
    absl::StatusOr<GenerationResult> result = engine.Generate(settings, observer);
    if (result.ok()) {
      std::vector<std::string>& all = result->report.warnings;
      all.insert(all.end(), resolved.warnings.begin(), resolved.warnings.end());
      all.insert(all.end(), warnings.begin(), warnings.end());
      return result;
    }
    const std::optional<PluginFault> fault = PluginFaultOf(result.status());
    if (!fault.has_value() || request.plugin_failure_policy == PluginFailurePolicy::kFail ||
        !selection.left_out.insert(fault->plugin).second) {
      return WithPluginReason(result.status());
    }
    warnings.push_back(absl::StrCat(std::string(result.status().message()), "; drawn without it"));
  }
}

absl::StatusOr<ChainPlan> EngineExecutor::PlanRequest(const JobRequest& request) {
  GenerationRequest settings;
  PATCHBAY_ASSIGN_OR_RETURN(settings.plugin_files, LinkFiles(request.plugin_files));
  PATCHBAY_RETURN_IF_ERROR(CheckPlugins(request, settings.plugin_files, models_.plugins().get()));
  PATCHBAY_ASSIGN_OR_RETURN(const std::shared_ptr<Engine> engine, models_.Acquire(request.model));
  settings.plugins_in_given_order = request.settings.plugins_in_given_order;
  std::vector<std::string> warnings;
  if (models_.plugins() != nullptr) {
    auto resolved = models_.plugins()->Resolve(SelectionOf(request));
    if (!resolved.ok()) return WithPluginReason(resolved.status());
    settings.plugins = std::move(resolved->plugins);
    warnings = std::move(resolved->warnings);
  }
  absl::StatusOr<ChainPlan> plan = engine->Plan(settings);
  if (!plan.ok()) return WithPluginReason(plan.status());
  plan->warnings.insert(plan->warnings.end(), warnings.begin(), warnings.end());
  return plan;
}

absl::Status EngineExecutor::CheckActionRequest(const ActionRequest& request) const {
  const auto plugin = models_.plugins() == nullptr
                          ? absl::NotFoundError("this server has no plugins")
                          : models_.plugins()->Find(request.plugin);
  if (!plugin.ok()) return AboutPlugin(plugin.status(), request.plugin);
  PATCHBAY_RETURN_IF_ERROR(models_.Find(request.model).status());
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginFile> files, LinkFiles(request.plugin_files));
  for (const PluginAction& action : plugin->description.actions) {
    if (action.id != request.action) continue;
    const absl::Status settings =
        PluginSettings::FromPairs(action.fields, request.settings).status();
    if (!settings.ok()) return WithReason(settings, error_reason::kInvalidSettings);
    return CheckFiles(request.plugin, action.fields, request.settings,
                      models_.plugins()->FilesFor(files));
  }
  return WithDetails(
      absl::NotFoundError(absl::StrCat("plugin ", request.plugin, " has no action \"",
                                       request.action.substr(0, 80), "\"")),
      {std::string(error_reason::kPluginNotFound), {{"plugin", request.plugin}}, std::nullopt});
}

absl::Status EngineExecutor::RunActionRequest(const ActionRequest& request,
                                              ActionObserver& observer) {
  std::shared_ptr<Engine> engine;
  {
    // Opening one may drop another that a job uses.
    PATCHBAY_RETURN_IF_ERROR(observer.TakeModel());
    const absl::Cleanup give_back = [&observer] { observer.GiveModelBack(); };
    PATCHBAY_ASSIGN_OR_RETURN(engine, models_.Acquire(request.model));
  }
  PluginSelection selection;
  selection.choices.push_back({request.plugin, {}});
  // With the settings that it is active with, and without the others that are.
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, models_.plugins()->Find(request.plugin));
  selection.choices.front().settings = plugin.settings;
  auto resolved = models_.plugins()->Resolve(selection);
  if (!resolved.ok()) return resolved.status();
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PluginFile> files, LinkFiles(request.plugin_files));
  return engine->RunAction(resolved->plugins.front(), request.action, request.settings, files,
                           observer);
}

absl::StatusOr<std::vector<PluginFile>> EngineExecutor::LinkFiles(
    const std::vector<NamedArtifact>& files) const {
  return LinkPluginFiles(files, artifacts_, (fs::path(work_folder_) / "plugin-files").string());
}

absl::Status EngineExecutor::WarmUp(const std::string& model) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::shared_ptr<Engine> engine, models_.Acquire(model));
  GenerationRequest settings;
  settings.steps = 1;
  settings.size = PictureSize{kWarmUpSide, kWarmUpSide};
  NoObserver observer;
  const absl::Status status = engine->Generate(settings, observer).status();
  if (status.ok()) return status;
  PATCHBAY_RETURN_IF_ERROR(models_.Unload(model));
  return WithReason(status, error_reason::kModelUnusable);
}

}  // namespace patchbay
