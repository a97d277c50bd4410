#include "host/engine/jobs/engine_executor.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/engine/jobs/request_files.h"
#include "host/plugins/plugin_host.h"
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
  PATCHBAY_RETURN_IF_ERROR(CheckRequest(settings, model));
  PATCHBAY_RETURN_IF_ERROR(ResolveSize(settings, model).status());
  PATCHBAY_ASSIGN_OR_RETURN(const NoiseScheduleConfig schedule,
                            ParseNoiseScheduleConfig(model.scheduler_json));
  return ChooseSampling(settings, schedule).status();
}

// Whether the plugins are there; how they fit the model shows when their chain is built.
absl::Status CheckPlugins(const JobRequest& request, const PluginHost* plugins) {
  for (const ChosenPlugin& choice : request.settings.plugins) {
    const absl::Status status =
        plugins == nullptr
            ? absl::NotFoundError(absl::StrCat("this server has no plugin \"", choice.id, "\""))
            : plugins->Active(choice.id).status();
    if (status.ok()) continue;
    return WithDetails(
        status,
        {std::string(error_reason::kPluginNotFound), {{"plugin", choice.id}}, std::nullopt});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EngineExecutor>> EngineExecutor::Make(ModelRegistry& models,
                                                                     ArtifactStore& artifacts,
                                                                     std::string work_folder,
                                                                     std::string lora_folder) {
  std::error_code error;
  fs::remove_all(work_folder, error);
  fs::create_directories(work_folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", work_folder));
  if (!lora_folder.empty() && !fs::is_directory(lora_folder, error)) {
    return absl::NotFoundError(absl::StrCat("there is no folder of LoRAs at ", lora_folder));
  }
  return absl::WrapUnique(
      new EngineExecutor(models, artifacts, std::move(work_folder), std::move(lora_folder)));
}

absl::Status EngineExecutor::Check(const JobRequest& request) {
  PATCHBAY_RETURN_IF_ERROR(CheckPlugins(request, models_.plugins().get()));
  PATCHBAY_ASSIGN_OR_RETURN(const ModelDescription model, models_.Describe(request.model));
  PATCHBAY_ASSIGN_OR_RETURN(const GenerationRequest settings,
                            ReadRequestFiles(request, artifacts_, lora_folder_));
  const absl::Status status = CheckAgainst(settings, model);
  return status.ok() ? status : WithReason(status, error_reason::kInvalidSettings);
}

absl::StatusOr<JobExecutor::Outcome> EngineExecutor::Execute(const std::string& job_id,
                                                             const JobRequest& request,
                                                             GenerationObserver& observer) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::shared_ptr<Engine> engine, models_.Acquire(request.model));
  PATCHBAY_ASSIGN_OR_RETURN(GenerationRequest settings,
                            ReadRequestFiles(request, artifacts_, lora_folder_));
  PATCHBAY_ASSIGN_OR_RETURN(const JobFolder folder,
                            JobFolder::Make((fs::path(work_folder_) / job_id).string(), request,
                                            artifacts_, lora_folder_, settings));
  const double load_seconds = engine->load_seconds();
  Outcome outcome;
  PATCHBAY_ASSIGN_OR_RETURN(outcome.result, engine->Generate(settings, observer));
  outcome.load_seconds = engine->load_seconds() - load_seconds;
  return outcome;
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
