#include "host/engine/jobs/model_registry.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/formats/gguf.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".safetensors";
constexpr int kMaxDepth = 4;
constexpr size_t kMaxModels = 10'000;
constexpr size_t kShownNames = 20;

uint64_t HalfOfMemory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
}

uint64_t WeightBytes(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return fs::file_size(path, error);
  uint64_t bytes = 0;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == kSuffix) bytes += entry->file_size(error);
  }
  return bytes;
}

// Appends the GGUF files of a folder: whole models, or U-Nets, which are models together with what
// stands beside them.
void CollectGguf(const fs::path& folder, const std::string& prefix,
                 std::vector<ModelEntry>& models) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (models.size() >= kMaxModels) return;
    const fs::path path = entry->path();
    const std::string file_name = path.filename().string();
    if (file_name.front() == '.' || !IsGgufPath(file_name)) continue;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) continue;
    models.push_back({absl::StrCat(prefix, file_name), path.string(), WeightBytes(path)});
  }
}

// Appends the models below `folder`. A diffusers folder is one model, and not looked into but for
// GGUF files that stand for its U-Net.
void Collect(const fs::path& folder, const std::string& prefix, int depth,
             std::vector<ModelEntry>& models) {
  CollectGguf(folder, prefix, models);
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (models.size() >= kMaxModels) return;
    const fs::path path = entry->path();
    const std::string file_name = path.filename().string();
    if (file_name.front() == '.') continue;
    std::error_code ignored;
    const std::string name = absl::StrCat(prefix, file_name);
    if (fs::is_directory(path, ignored)) {
      if (fs::exists(path / "model_index.json", ignored)) {
        models.push_back({name, path.string(), WeightBytes(path)});
        CollectGguf(path, absl::StrCat(name, "/"), models);
        CollectGguf(path / "unet", absl::StrCat(name, "/unet/"), models);
      } else if (depth < kMaxDepth) {
        Collect(path, absl::StrCat(name, "/"), depth + 1, models);
      }
    } else if (absl::EndsWith(file_name, kSuffix)) {
      models.push_back(
          {name.substr(0, name.size() - (sizeof(kSuffix) - 1)), path.string(), WeightBytes(path)});
    }
  }
}

// What a model counts for among those in memory. A GGUF file is smaller than what becomes of it,
// and it and a file of integers may have other parts elsewhere; numbers are counted as bf16.
uint64_t LoadedBytes(const ModelEntry& model) {
  const absl::StatusOr<ModelDescription> description = DescribeCheckpoint(model.path);
  if (!description.ok()) return model.size_bytes;
  if (!IsGgufPath(model.path) && description->other_parts.empty()) return model.size_bytes;
  uint64_t bytes = 0;
  for (const ComponentSummary& component : description->components) {
    if (component.quantized) {
      bytes += static_cast<uint64_t>(component.parameters) * sizeof(uint16_t);
      continue;
    }
    for (const auto& [type, stored] : component.bytes) bytes += static_cast<uint64_t>(stored);
  }
  return bytes;
}

absl::Status NoSuchModel(std::string_view name, const std::vector<ModelEntry>& models) {
  std::vector<std::string> names;
  for (const ModelEntry& model : models) names.push_back(model.name);
  const std::string shown(name.substr(0, 200));
  const std::string nearest = NearestSpelling(shown, names);
  if (names.size() > kShownNames) names.resize(kShownNames);
  std::string message = name.empty()
                            ? "the request names no model and the server has no default one"
                            : absl::StrCat("there is no model \"", shown, "\"");
  if (!nearest.empty()) absl::StrAppend(&message, "; did you mean ", nearest, "?");
  absl::StrAppend(&message, names.empty()
                                ? "; the server's folder of models is empty"
                                : absl::StrCat("; there are ", absl::StrJoin(names, ", ")));
  return WithDetails(absl::NotFoundError(message),
                     {std::string(error_reason::kModelNotFound), {{"model", shown}}, std::nullopt});
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelRegistry>> ModelRegistry::Open(
    const ModelRegistryOptions& options) {
  std::error_code ignored;
  if (!fs::is_directory(options.folder, ignored)) {
    return absl::NotFoundError(absl::StrCat("there is no folder of models at ", options.folder,
                                            "; name one with --models"));
  }
  ModelRegistryOptions completed = options;
  if (completed.memory_bytes == 0) completed.memory_bytes = HalfOfMemory();
  auto registry = absl::WrapUnique(new ModelRegistry(std::move(completed)));
  if (!options.default_model.empty()) {
    PATCHBAY_RETURN_IF_ERROR(registry->Find(options.default_model).status());
  }
  return registry;
}

absl::StatusOr<std::vector<ModelEntry>> ModelRegistry::List() const {
  std::vector<ModelEntry> models;
  Collect(options_.folder, "", 1, models);
  std::sort(models.begin(), models.end(),
            [](const ModelEntry& a, const ModelEntry& b) { return a.name < b.name; });
  std::string default_model = options_.default_model;
  if (default_model.empty()) default_model = models.size() == 1 ? models[0].name : "default";
  const std::lock_guard lock(mutex_);
  for (ModelEntry& model : models) {
    model.is_default = model.name == default_model;
    model.loaded = std::any_of(loaded_.begin(), loaded_.end(),
                               [&](const Loaded& loaded) { return loaded.path == model.path; });
  }
  return models;
}

absl::StatusOr<ModelEntry> ModelRegistry::Find(std::string_view name) const {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<ModelEntry> models, List());
  for (const ModelEntry& model : models) {
    if (name.empty() ? model.is_default : model.name == name) return model;
  }
  return NoSuchModel(name, models);
}

absl::StatusOr<ModelDescription> ModelRegistry::Describe(std::string_view name) const {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, Find(name));
  absl::StatusOr<ModelDescription> description = DescribeCheckpoint(model.path);
  if (description.ok()) return description;
  return WithReason(description.status(), error_reason::kModelUnusable);
}

absl::StatusOr<std::shared_ptr<Engine>> ModelRegistry::Acquire(std::string_view name) {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, Find(name));
  {
    const std::lock_guard lock(mutex_);
    for (auto loaded = loaded_.begin(); loaded != loaded_.end(); ++loaded) {
      if (loaded->path != model.path) continue;
      loaded_.splice(loaded_.begin(), loaded_, loaded);
      return loaded_.front().engine;
    }
  }
  const uint64_t bytes = LoadedBytes(model);
  {
    const std::lock_guard lock(mutex_);
    MakeRoom(bytes);
  }
  EngineOptions engine_options = options_.engine;
  engine_options.model_path = model.path;
  auto opened = Engine::Open(engine_options);
  if (!opened.ok()) return WithReason(opened.status(), error_reason::kModelUnusable);
  std::shared_ptr<Engine> engine = *std::move(opened);
  const std::lock_guard lock(mutex_);
  loaded_.push_front({model.path, bytes, engine});
  return engine;
}

absl::Status ModelRegistry::Unload(std::string_view name) {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, Find(name));
  std::list<Loaded> dropped;  // declared first, so that it is destroyed after the lock is gone
  const std::lock_guard lock(mutex_);
  for (auto loaded = loaded_.begin(); loaded != loaded_.end(); ++loaded) {
    if (loaded->path != model.path) continue;
    dropped.splice(dropped.begin(), loaded_, loaded);
    break;
  }
  return absl::OkStatus();
}

void ModelRegistry::MakeRoom(uint64_t bytes) {
  uint64_t total = bytes;
  for (const Loaded& loaded : loaded_) total += loaded.size_bytes;
  while (!loaded_.empty() && total > options_.memory_bytes) {
    total -= loaded_.back().size_bytes;
    loaded_.pop_back();
  }
}

}  // namespace patchbay
