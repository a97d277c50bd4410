#ifndef PATCHBAY_HOST_ENGINE_JOBS_ENGINE_EXECUTOR_H_
#define PATCHBAY_HOST_ENGINE_JOBS_ENGINE_EXECUTOR_H_

#include <string>
#include <vector>

#include "host/engine/jobs/action_run.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job_executor.h"
#include "host/engine/jobs/model_registry.h"
#include "host/engine/jobs/private_paths.h"

namespace patchbay {

// Draws jobs with the registry's engines.
class EngineExecutor final : public JobExecutor {
 public:
  // work_folder: for the files of running jobs; emptied now. lora_folder: where LoRAs are found by
  // name; empty: nowhere. private_paths: what errors and warnings do not say. The others must
  // outlive this.
  static absl::StatusOr<std::unique_ptr<EngineExecutor>> Make(ModelRegistry& models,
                                                              ArtifactStore& artifacts,
                                                              std::string work_folder,
                                                              std::string lora_folder,
                                                              PrivatePaths private_paths);

  absl::Status Check(const JobRequest& request) override;
  absl::StatusOr<Outcome> Execute(const std::string& job_id, const JobRequest& request,
                                  GenerationObserver& observer) override;

  // What a job with this request would run with; its prompt and files do not matter. On the thread
  // of Execute(). Errors as Execute.
  absl::StatusOr<ChainPlan> Plan(const JobRequest& request);

  // Whether plugin and action are there and take these settings. Any thread.
  absl::Status CheckAction(const ActionRequest& request) const;
  // Runs a plugin's action on a model, with the settings that the plugin is active with. Any
  // thread, provided that the observer lets it have the model only while that of Execute() does
  // nothing.
  absl::Status RunAction(const ActionRequest& request, ActionObserver& observer);

  // Opens a model and draws one step that nobody sees, so that its weights are in memory and packed
  // when the next job comes. On the thread of Execute().
  absl::Status WarmUp(const std::string& model);

 private:
  // Draws with the plugins that the request and the default chain say; again without a plugin that
  // has failed where the request says so.
  absl::StatusOr<GenerationResult> Draw(Engine& engine, const JobRequest& request,
                                        GenerationRequest& settings,
                                        GenerationObserver& observer) const;

  // What the public calls of these names do, with the server's paths in their errors.
  absl::Status CheckRequest(const JobRequest& request);
  absl::StatusOr<Outcome> ExecuteRequest(const std::string& job_id, const JobRequest& request,
                                         GenerationObserver& observer);
  absl::StatusOr<ChainPlan> PlanRequest(const JobRequest& request);
  absl::Status CheckActionRequest(const ActionRequest& request) const;
  absl::Status RunActionRequest(const ActionRequest& request, ActionObserver& observer);

  // What requests bring for plugins' settings, as plugins see it.
  absl::StatusOr<std::vector<PluginFile>> LinkFiles(const std::vector<NamedArtifact>& files) const;

  EngineExecutor(ModelRegistry& models, ArtifactStore& artifacts, std::string work_folder,
                 std::string lora_folder, PrivatePaths private_paths)
      : models_(models),
        artifacts_(artifacts),
        work_folder_(std::move(work_folder)),
        lora_folder_(std::move(lora_folder)),
        private_paths_(std::move(private_paths)) {}

  ModelRegistry& models_;
  ArtifactStore& artifacts_;
  const std::string work_folder_;
  const std::string lora_folder_;
  const PrivatePaths private_paths_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_ENGINE_EXECUTOR_H_
