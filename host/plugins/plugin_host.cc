#include "host/plugins/plugin_host.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/plugins/chain.h"
#include "host/plugins/plugin_fault.h"
#include "host/plugins/plugin_host_state.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// Ends of the process inside a build, none of which a signal explains, that quarantine it.
constexpr int kMaxUnexplainedEnds = 3;

absl::Time FileTime(const std::string& path) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  if (error) return absl::Time();
  return absl::FromChrono(std::chrono::file_clock::to_sys(written));
}

// What stands in a folder of plugins. A folder that is no plugin is not ours to complain about.
std::vector<PluginCatalogue::Build> BuildsIn(const std::string& folder) {
  std::vector<PluginCatalogue::Build> builds;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (!fs::exists(entry.path() / kManifestFileName, error)) continue;
    absl::StatusOr<InstalledPlugin> plugin = ReadPluginFolder(entry.path().string());
    if (!plugin.ok()) continue;
    const absl::Time time = FileTime(plugin->library_path);
    builds.push_back({*std::move(plugin), time, false});
  }
  return builds;
}

std::string Describe(const CrashSite& crash) {
  const std::string where = absl::StrCat(crash.hook, crash.step > 0 ? ", step " : "",
                                         crash.step > 0 ? absl::StrCat(crash.step) : "");
  return crash.signal != 0 ? absl::StrCat("the server crashed in its code (", where, ": ",
                                          strsignal(crash.signal), ")")
                           : absl::StrCat("the server's process ended ", kMaxUnexplainedEnds,
                                          " times inside its code (the last time: ", where, ")");
}

void Blame(const CrashSite& crash, PluginRecords& records) {
  if (crash.signal == 0 && ++records.unexplained_ends[crash.build] < kMaxUnexplainedEnds) return;
  records.unexplained_ends.erase(crash.build);
  records.quarantine[crash.build] = Describe(crash);
}

}  // namespace

PluginHost::PluginHost(std::unique_ptr<State> state) : state_(std::move(state)) {}
PluginHost::~PluginHost() = default;

absl::StatusOr<std::unique_ptr<PluginHost>> PluginHost::Open(const PluginHostOptions& options) {
  PluginLoaderOptions loading{options.probe, std::nullopt};
  std::unique_ptr<BreadcrumbFile> crumbs;
  std::optional<PluginStore> store;
  PluginRecords records;
  const std::string records_path =
      options.store_folder.empty() ? "" : absl::StrCat(options.store_folder, "/records.json");
  PluginStore::Contents contents;
  if (!options.store_folder.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(store, PluginStore::Open(options.store_folder));
    PATCHBAY_ASSIGN_OR_RETURN(contents, store->List());
    PATCHBAY_ASSIGN_OR_RETURN(loading.copies,
                              PluginStore::Open(absl::StrCat(options.store_folder, "/.copies")));
    PATCHBAY_ASSIGN_OR_RETURN(records, ReadPluginRecords(records_path));
    PATCHBAY_ASSIGN_OR_RETURN(
        crumbs, BreadcrumbFile::Open(absl::StrCat(options.store_folder, "/breadcrumbs")));
    RemoveAbandonedTemporaries(options.store_folder);
    if (crumbs->former_crash().has_value()) Blame(*crumbs->former_crash(), records);
    // Another LibTorch or compiler may take a build otherwise.
    if (const std::string& fingerprint = ThisHostAbi().fingerprint;
        records.host_fingerprint != fingerprint) {
      records.probes.clear();
      records.host_fingerprint = fingerprint;
    }
  }
  auto state = std::make_unique<State>(options, std::move(crumbs));
  state->store = std::move(store);
  state->records_path = records_path;
  State* const raw = state.get();
  state->loader =
      std::make_unique<PluginLoader>(std::move(loading), state->control, records.probes,
                                     [raw](const std::string& tried, const ProbeVerdict& verdict) {
                                       {
                                         const absl::MutexLock lock(&raw->mutex);
                                         raw->catalogue.records().probes[tried] = verdict;
                                       }
                                       // Lost, it costs one more try.
                                       raw->Save().IgnoreError();
                                     });
  {
    const absl::MutexLock lock(&state->mutex);
    state->catalogue = PluginCatalogue(std::move(records));
    for (InstalledPlugin& plugin : contents.plugins) {
      const absl::Time time = FileTime(plugin.folder);
      state->catalogue.AddOldest({std::move(plugin), time, true});
    }
    for (const std::string& folder : options.folders) {
      for (auto& build : BuildsIn(folder)) state->catalogue.AddOldest(std::move(build));
    }
  }
  PATCHBAY_RETURN_IF_ERROR(state->Save());
  return absl::WrapUnique(new PluginHost(std::move(state)));
}

std::vector<PluginStatus> PluginHost::Builds() const {
  const absl::MutexLock lock(&state_->mutex);
  std::vector<PluginStatus> list;
  for (const auto& [id, builds] : state_->catalogue.plugins()) {
    for (const PluginCatalogue::Build& build : builds) list.push_back(state_->StatusOf(build));
  }
  return list;
}

absl::StatusOr<PluginStatus> PluginHost::Find(const std::string& id,
                                              const std::string& digits) const {
  const absl::MutexLock lock(&state_->mutex);
  PATCHBAY_ASSIGN_OR_RETURN(const auto build, state_->catalogue.Find(id, digits));
  return state_->StatusOf(build);
}

absl::StatusOr<ResolvedPlugins> PluginHost::Resolve(const PluginSelection& selection) const {
  ResolvedPlugins resolved;
  std::set<std::string> chosen;
  const absl::MutexLock lock(&state_->mutex);
  const PluginCatalogue& catalogue = state_->catalogue;
  for (const ChosenPlugin& choice : selection.choices) {
    chosen.insert(choice.id);
    if (selection.left_out.count(choice.id) > 0) continue;
    PATCHBAY_ASSIGN_OR_RETURN(const auto build, catalogue.Find(choice.id, choice.build));
    if (const absl::Status usable = state_->Usable(build); !usable.ok()) {
      if (!selection.skips_unusable) return usable;
      resolved.warnings.push_back(absl::StrCat(std::string(usable.message()), "; left out"));
      continue;
    }
    ChosenPlugin plugin = choice;
    plugin.build = build.plugin.manifest.sha256;
    const PluginRecords::Activation* const active = catalogue.Active(choice.id);
    if (active != nullptr) plugin.wished_place = catalogue.WishedPlace(choice.id);
    if (selection.with_default_chain && active != nullptr && active->build == plugin.build) {
      for (const auto& [field, value] : active->settings) {
        const bool given = std::any_of(choice.settings.begin(), choice.settings.end(),
                                       [&](const auto& pair) { return pair.first == field; });
        if (!given) plugin.settings.emplace_back(field, value);
      }
    }
    resolved.plugins.push_back(std::move(plugin));
  }
  if (!selection.with_default_chain) return resolved;
  std::vector<ChosenPlugin> defaults;
  for (const std::string& id : catalogue.ActiveIds()) {
    if (chosen.count(id) > 0 || selection.left_out.count(id) > 0) continue;
    const PluginRecords::Activation& active = *catalogue.Active(id);
    PATCHBAY_ASSIGN_OR_RETURN(const auto build, catalogue.Find(id, active.build));
    if (const absl::Status usable = state_->Usable(build); usable.ok()) {
      defaults.push_back({id, active.settings, active.build, catalogue.WishedPlace(id)});
    } else {
      resolved.warnings.push_back(absl::StrCat(std::string(usable.message()), "; left out"));
    }
  }
  resolved.plugins.insert(resolved.plugins.begin(), defaults.begin(), defaults.end());
  return resolved;
}

PluginFiles PluginHost::FilesFor(absl::Span<const PluginFile> from_request) const {
  return {from_request, state_->files_folder};
}

absl::StatusOr<std::vector<std::string>> PluginHost::FileIdentities(
    absl::Span<const ChosenPlugin> choices, absl::Span<const PluginFile> from_request) const {
  const PluginFiles files = FilesFor(from_request);
  std::vector<std::string> identities;
  for (const ChosenPlugin& choice : choices) {
    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, Find(choice.id, choice.build));
    for (const FileSetting& setting : FileSettingsOf(plugin.description.fields, choice.settings)) {
      absl::StatusOr<std::string> identity = files.IdentityOf(setting);
      if (!identity.ok()) {
        return WithPluginFault(
            absl::Status(identity.status().code(),
                         absl::StrCat("plugin ", choice.id, ": ", identity.status().message())),
            {PluginFault::Kind::kRefused, choice.id, plugin.build, ""});
      }
      identities.push_back(*std::move(identity));
    }
  }
  return identities;
}

absl::StatusOr<std::shared_ptr<const Chain>> PluginHost::BuildChain(
    absl::Span<const ChosenPlugin> choices, bool is_explicit, const ChainTarget& target) {
  std::vector<ChainEntry> entries;
  for (const ChosenPlugin& choice : choices) {
    PluginCatalogue::Build build;
    {
      const absl::MutexLock lock(&state_->mutex);
      PATCHBAY_ASSIGN_OR_RETURN(build, state_->catalogue.Find(choice.id, choice.build));
    }
    const PluginFault fault{PluginFault::Kind::kRefused, choice.id, build.plugin.manifest.sha256,
                            ""};
    ChainEntry entry;
    auto library = state_->loader->Load(build);
    if (!library.ok()) return WithPluginFault(library.status(), fault);
    entry.library = *std::move(library);
    absl::StatusOr<PluginSettings> settings =
        PluginSettings::FromPairs(entry.library->description().fields, choice.settings);
    if (!settings.ok()) {
      return WithPluginFault(
          absl::Status(settings.status().code(),
                       absl::StrCat("plugin ", choice.id, ": ", settings.status().message())),
          fault);
    }
    entry.settings = *std::move(settings);
    entry.wished_place = choice.wished_place;
    entries.push_back(std::move(entry));
  }
  const ChainEnvironment environment{target.sites,
                                     target.model,
                                     state_->monitor,
                                     state_->shared,
                                     FilesFor(target.files).Resources(),
                                     target.weights,
                                     target.action};
  absl::StatusOr<std::shared_ptr<const Chain>> chain = absl::InternalError("not built");
  state_->control.Run([&] {
    const c10::InferenceMode inference_mode;
    chain = Chain::Build(std::move(entries), is_explicit, environment);
  });
  if (!chain.ok()) return chain.status();
  {
    const absl::MutexLock lock(&state_->mutex);
    for (const ChainLink& link : (*chain)->plan().links) state_->hooks[link.build] = link.hooks;
  }
  // Whoever lets go of it last, it ends on the control thread.
  ControlThread& control = state_->control;
  const Chain* const raw = chain->get();
  return std::shared_ptr<const Chain>(
      raw, [kept = *std::move(chain), &control](const Chain*) mutable {
        control.Post([dead = std::move(kept)]() mutable { dead.reset(); });
      });
}

std::shared_ptr<const void> PluginHost::BeginUse(const Chain& chain) {
  State* const state = state_.get();
  const absl::MutexLock lock(&state->mutex);
  for (const std::string& build : chain.builds()) ++state->uses[build];
  return {state, [state, builds = chain.builds()](const void*) {
            const absl::MutexLock end(&state->mutex);
            for (const std::string& build : builds) {
              if (--state->uses[build] == 0) state->uses.erase(build);
            }
          }};
}

void PluginHost::RecordSuccess(const Chain& chain) {
  bool cleared = false;
  for (const std::string& build : chain.builds()) {
    state_->monitor.RecordSuccess(build);
    const absl::MutexLock lock(&state_->mutex);
    cleared = state_->catalogue.records().unexplained_ends.erase(build) > 0 || cleared;
  }
  // Lost, the build is suspected for longer.
  if (cleared) state_->Save().IgnoreError();
}

void PluginHost::Settle() {
  state_->control.Run([] {});
}

HookMonitor& PluginHost::monitor() { return state_->monitor; }

}  // namespace patchbay
