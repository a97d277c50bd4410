#include "host/plugins/plugin_host.h"

#include <c10/core/InferenceMode.h>

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/plugins/chain.h"
#include "host/plugins/control_thread.h"
#include "host/plugins/plugin_library.h"
#include "host/plugins/shared_objects.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// What stands in a folder of plugins. A folder that is no plugin is not ours to complain about.
std::vector<InstalledPlugin> PluginsIn(const std::string& folder) {
  std::vector<InstalledPlugin> plugins;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (!fs::exists(entry.path() / kManifestFileName, error)) continue;
    absl::StatusOr<InstalledPlugin> plugin = ReadPluginFolder(entry.path().string());
    if (plugin.ok()) plugins.push_back(*std::move(plugin));
  }
  return plugins;
}

}  // namespace

class PluginHost::State {
 public:
  explicit State(const PluginHostOptions& options)
      : monitor(options.limits, options.breadcrumbs), folders(options.folders) {}

  // One plugin: what is active, what was before, and the loaded builds of it.
  struct Entry {
    InstalledPlugin active;
    std::optional<InstalledPlugin> previous;
    std::map<std::string, std::shared_ptr<const PluginLibrary>> loaded;  // by sha256
  };

  void AddKnown(std::vector<InstalledPlugin> plugins) {
    const absl::MutexLock lock(&mutex);
    for (InstalledPlugin& plugin : plugins) {
      const std::string id = plugin.manifest.description.id;
      entries.try_emplace(id, Entry{std::move(plugin), std::nullopt, {}});
    }
  }

  absl::StatusOr<std::shared_ptr<const PluginLibrary>> Loaded(const InstalledPlugin& plugin) {
    const std::string& id = plugin.manifest.description.id;
    {
      const absl::MutexLock lock(&mutex);
      Entry& entry = entries.at(id);
      const auto found = entry.loaded.find(plugin.manifest.sha256);
      if (found != entry.loaded.end()) return found->second;
    }
    absl::StatusOr<std::unique_ptr<PluginLibrary>> library = absl::InternalError("not loaded");
    control.Run([&] { library = PluginLibrary::Load(plugin, ThisHostAbi()); });
    if (!library.ok()) return library.status();
    const absl::MutexLock lock(&mutex);
    auto& place = entries.at(id).loaded[plugin.manifest.sha256];
    if (place == nullptr) place = *std::move(library);
    return place;
  }

  absl::StatusOr<InstalledPlugin> ActiveBuild(const std::string& id) {
    const absl::MutexLock lock(&mutex);
    const auto found = entries.find(id);
    if (found != entries.end()) return found->second.active;
    std::vector<std::string> ids;
    for (const auto& [known, entry] : entries) ids.push_back(known);
    const std::string nearest = NearestSpelling(id, ids);
    return absl::NotFoundError(
        absl::StrCat("there is no plugin \"", id, "\"",
                     !nearest.empty() ? absl::StrCat("; did you mean ", nearest, "?")
                     : ids.empty()    ? "; none were found in the folders of plugins"
                                      : absl::StrCat("; there are ", absl::StrJoin(ids, ", "))));
  }

  HookMonitor monitor;
  const std::vector<std::string> folders;
  std::optional<PluginStore> store;
  SharedObjects shared;
  absl::Mutex mutex;
  std::map<std::string, Entry> entries ABSL_GUARDED_BY(mutex);
  // Destroyed first: what it has still to destroy may need the rest.
  ControlThread control;
};

PluginHost::PluginHost(std::unique_ptr<State> state) : state_(std::move(state)) {}
PluginHost::~PluginHost() = default;

absl::StatusOr<std::unique_ptr<PluginHost>> PluginHost::Open(const PluginHostOptions& options) {
  auto state = std::make_unique<State>(options);
  if (!options.store_folder.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(PluginStore store, PluginStore::Open(options.store_folder));
    PATCHBAY_ASSIGN_OR_RETURN(PluginStore::Contents contents, store.List());
    state->AddKnown(std::move(contents.plugins));
    state->store = std::move(store);
  }
  for (const std::string& folder : options.folders) state->AddKnown(PluginsIn(folder));
  return absl::WrapUnique(new PluginHost(std::move(state)));
}

std::vector<InstalledPlugin> PluginHost::Plugins() const {
  const absl::MutexLock lock(&state_->mutex);
  std::vector<InstalledPlugin> plugins;
  for (const auto& [id, entry] : state_->entries) plugins.push_back(entry.active);
  return plugins;
}

absl::StatusOr<InstalledPlugin> PluginHost::Install(const std::string& plugin_folder) {
  if (!state_->store) {
    return absl::FailedPreconditionError("this host has no folder to install plugins into");
  }
  return state_->store->Install(plugin_folder);
}

absl::Status PluginHost::Activate(const InstalledPlugin& plugin) {
  const std::string& id = plugin.manifest.description.id;
  bool is_new = false;
  {
    const absl::MutexLock lock(&state_->mutex);
    is_new = state_->entries.try_emplace(id, State::Entry{plugin, std::nullopt, {}}).second;
  }
  const auto library = state_->Loaded(plugin);
  const absl::MutexLock lock(&state_->mutex);
  if (!library.ok()) {
    if (is_new) state_->entries.erase(id);
    return library.status();
  }
  State::Entry& entry = state_->entries.at(id);
  if (entry.active.manifest.sha256 != plugin.manifest.sha256) {
    entry.previous = std::exchange(entry.active, plugin);
  }
  return absl::OkStatus();
}

absl::StatusOr<InstalledPlugin> PluginHost::RollBack(const std::string& id) {
  PATCHBAY_RETURN_IF_ERROR(state_->ActiveBuild(id).status());
  const absl::MutexLock lock(&state_->mutex);
  State::Entry& entry = state_->entries.at(id);
  if (!entry.previous) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", id, " has had no other build that it could go back to"));
  }
  std::swap(entry.active, *entry.previous);
  return entry.active;
}

absl::StatusOr<std::shared_ptr<const Chain>> PluginHost::BuildChain(
    absl::Span<const ChosenPlugin> choices, bool is_explicit, const SiteTable& sites,
    const patchbay_model_info& model) {
  std::vector<ChainEntry> entries;
  for (const ChosenPlugin& choice : choices) {
    PATCHBAY_ASSIGN_OR_RETURN(const InstalledPlugin build, state_->ActiveBuild(choice.id));
    ChainEntry entry;
    PATCHBAY_ASSIGN_OR_RETURN(entry.library, state_->Loaded(build));
    absl::StatusOr<PluginSettings> settings =
        PluginSettings::FromPairs(entry.library->description().fields, choice.settings);
    if (!settings.ok()) {
      return absl::Status(settings.status().code(),
                          absl::StrCat("plugin ", choice.id, ": ", settings.status().message()));
    }
    entry.settings = *std::move(settings);
    entries.push_back(std::move(entry));
  }
  const ChainEnvironment environment{sites, model, state_->monitor, state_->shared, {}};
  absl::StatusOr<std::shared_ptr<const Chain>> chain = absl::InternalError("not built");
  state_->control.Run([&] {
    const c10::InferenceMode inference_mode;
    chain = Chain::Build(std::move(entries), is_explicit, environment);
  });
  if (!chain.ok()) return chain.status();
  // Whoever lets go of it last, it ends on the control thread.
  ControlThread& control = state_->control;
  const Chain* const raw = chain->get();
  return std::shared_ptr<const Chain>(
      raw, [kept = *std::move(chain), &control](const Chain*) mutable {
        control.Post([dead = std::move(kept)]() mutable { dead.reset(); });
      });
}

absl::StatusOr<InstalledPlugin> PluginHost::Active(const std::string& id) const {
  return state_->ActiveBuild(id);
}

void PluginHost::Settle() {
  state_->control.Run([] {});
}

HookMonitor& PluginHost::monitor() { return state_->monitor; }

}  // namespace patchbay
