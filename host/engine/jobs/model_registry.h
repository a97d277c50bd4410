#ifndef PATCHBAY_HOST_ENGINE_JOBS_MODEL_REGISTRY_H_
#define PATCHBAY_HOST_ENGINE_JOBS_MODEL_REGISTRY_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/engine.h"
#include "host/runtime/checkpoint/model_description.h"

namespace patchbay {

struct ModelRegistryOptions {
  // Diffusers folders, safetensors files and GGUF files, also in sub-folders.
  std::string folder;
  // Name of the model for jobs that name none; empty: "default", else the only one.
  std::string default_model;
  EngineOptions engine;  // for every model; its model_path is filled in
  // How much weights may take together, by their size on disk (GGUF: in bf16); 0: half of the
  // machine's memory.
  uint64_t memory_bytes = 0;
};

struct ModelEntry {
  // Path below the folder, '/' between, without ".safetensors"; of a GGUF file with its ending.
  std::string name;
  std::string path;
  uint64_t size_bytes = 0;  // of the weights' files
  bool loaded = false;
  bool is_default = false;
};

// The models of a folder and the engines of those in memory. Names are looked up among what the
// folder holds and never become paths. The folder is read anew at each call, so models can come and
// go. Several models stay in memory as long as their weights fit into `memory_bytes` together:
// going back to one is then free, and a machine that holds one model only still serves all of them.
// Beyond that the one that was not used for longest goes first. Any thread.
class ModelRegistry {
 public:
  // NOT_FOUND when there is no such folder.
  static absl::StatusOr<std::unique_ptr<ModelRegistry>> Open(const ModelRegistryOptions& options);

  absl::StatusOr<std::vector<ModelEntry>> List() const;
  // An empty name stands for the default model. NOT_FOUND says which models there are.
  absl::StatusOr<ModelEntry> Find(std::string_view name) const;
  // What the files' headers say. INVALID_ARGUMENT for a damaged one.
  absl::StatusOr<ModelDescription> Describe(std::string_view name) const;

  // Where requests' plugins come from; null: requests cannot name any.
  const std::shared_ptr<PluginHost>& plugins() const { return options_.engine.plugins; }

  // The model's engine, opened if needed. It stays valid while the pointer is held, also when the
  // model is unloaded meanwhile.
  absl::StatusOr<std::shared_ptr<Engine>> Acquire(std::string_view name);
  // Lets go of the engine. Not loaded is no error.
  absl::Status Unload(std::string_view name);

 private:
  explicit ModelRegistry(ModelRegistryOptions options) : options_(std::move(options)) {}
  void MakeRoom(uint64_t bytes);  // mutex_ held

  struct Loaded {
    std::string path;
    uint64_t size_bytes;
    std::shared_ptr<Engine> engine;
  };
  const ModelRegistryOptions options_;
  mutable std::mutex mutex_;
  std::list<Loaded> loaded_;  // the last used first
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_MODEL_REGISTRY_H_
