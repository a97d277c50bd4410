#ifndef PATCHBAY_HOST_ENGINE_JOBS_JOB_REQUEST_H_
#define PATCHBAY_HOST_ENGINE_JOBS_JOB_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/engine/jobs/picture_format.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// An artifact under the name by which the prompt finds it.
struct NamedArtifact {
  std::string name;  // without folder and suffix
  std::string artifact_id;
  bool operator==(const NamedArtifact&) const = default;
};

// A LoRA from the store, or from the server's folder of LoRAs; exactly one is set.
struct JobLora {
  std::string artifact_id;
  std::string name;
  double unet_weight = 1.0;
  double text_weight = 1.0;
  std::string title;  // of one from the store, for the picture's parameters
  bool operator==(const JobLora&) const = default;
};

// What becomes of a job when one of its plugins fails or is suspended.
enum class PluginFailurePolicy {
  kFail,  // the job fails
  kSkip   // the job is drawn without the plugin, and says so
};

// What a job draws, in a form that can be kept on disk: files are ids of artifacts.
struct JobRequest {
  std::string model;  // name in the registry; empty: the default model
  // Its pictures, latents, files and folders stay empty; they are named below.
  GenerationRequest settings;
  std::optional<uint64_t>
      seed;  // in place of settings.seed; absent: drawn when the job is accepted

  // Besides settings.plugins there are those that are active when the job begins.
  bool without_default_plugins = false;
  PluginFailurePolicy plugin_failure_policy = PluginFailurePolicy::kFail;

  std::string image_artifact_id;  // empty: none; so are the next three
  std::string mask_artifact_id;
  std::string initial_latent_artifact_id;
  std::string start_latent_artifact_id;
  std::vector<JobLora> loras;
  std::vector<NamedArtifact> embeddings;
  std::vector<NamedArtifact> wildcards;
  std::vector<NamedArtifact> prompt_loras;
  std::vector<NamedArtifact> plugin_files;  // whole names, that plugins' settings may say
  PictureFormat format = PictureFormat::kPng;
};

// A request to make a job.
struct JobSubmission {
  JobRequest request;
  std::string request_id;  // empty, or what makes submitting twice safe; at most 128 bytes
  int priority = 0;        // -100 to 100, higher first
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_JOB_REQUEST_H_
