#include "host/cli/plugin_watch_command.h"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/cli/file_watch.h"
#include "host/cli/interrupt.h"
#include "host/cli/plugin_text.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kQuiet = absl::Milliseconds(100);

struct Options {
  std::string folder;
  std::string build_command;
  std::string built_folder;
};

std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// Runs the command in the plugin's folder, with this program's own output and errors.
absl::Status Build(const Options& options) {
  if (options.build_command.empty()) return absl::OkStatus();
  const int status = std::system(
      absl::StrCat("cd ", Quoted(options.folder), " && ", options.build_command, " >&2").c_str());
  if (status == 0) return absl::OkStatus();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) return absl::CancelledError("interrupted");
  return absl::FailedPreconditionError("the build failed; the server keeps the build that it has");
}

// The folder with the manifest that was written last.
absl::StatusOr<std::string> FindBuilt(const Options& options) {
  const std::string& root = options.built_folder.empty() ? options.folder : options.built_folder;
  std::error_code error;
  std::optional<fs::path> found;
  fs::file_time_type newest;
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename() != "plugin.json") continue;
    std::error_code ignored;
    const fs::file_time_type time = fs::last_write_time(entry->path(), ignored);
    if (found.has_value() && time < newest) continue;
    newest = time;
    found = entry->path().parent_path();
  }
  if (found.has_value()) return found->string();
  return absl::NotFoundError(absl::StrCat("the build has left no plugin.json below ", root,
                                          "; name its folder with --built"));
}

// Builds, installs and activates; prints one line if another build acts then.
absl::Status Swap(const Options& options, PluginClient& client, std::string& acting) {
  const absl::Time start = absl::Now();
  PATCHBAY_RETURN_IF_ERROR(Build(options));
  const absl::Time built = absl::Now();
  PATCHBAY_ASSIGN_OR_RETURN(const std::string folder, FindBuilt(options));
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus installed, client.Install(folder));
  if (installed.build == acting) return absl::OkStatus();
  PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus active,
                            client.Activate(installed.description.id, installed.build, {}));
  acting = active.build;
  std::printf("%s %s, build %s: %s after %.1f s of building and %.1f s of swapping\n",
              active.description.id.c_str(), active.description.version.c_str(),
              ShortBuild(active.build).c_str(), std::string(PluginStateName(active.state)).c_str(),
              absl::ToDoubleSeconds(built - start), absl::ToDoubleSeconds(absl::Now() - built));
  std::fflush(stdout);
  return absl::OkStatus();
}

bool IsSource(const fs::path& file) {
  static constexpr std::string_view kExtensions[] = {".c",  ".cc",  ".cpp", ".cxx", ".cu",   ".h",
                                                     ".hh", ".hpp", ".inl", ".txt", ".cmake"};
  return std::find(std::begin(kExtensions), std::end(kExtensions), file.extension().string()) !=
         std::end(kExtensions);
}

// A source saved while a build ran is older than what the build wrote, and make would take it for
// built: it becomes as new as it is unbuilt. Not so what the build itself may have written.
void MakeNewer(const std::set<std::string>& changed, fs::file_time_type than) {
  for (const std::string& path : changed) {
    std::error_code gone;
    const fs::file_time_type saved = fs::last_write_time(path, gone);
    if (gone || saved > than || !IsSource(path)) continue;
    fs::last_write_time(path, fs::file_time_type::clock::now(), gone);
  }
}

absl::Status Watch(Options& options, const Connection& connection, bool has_command) {
  if (!has_command && !fs::exists(fs::path(options.folder) / "plugin.json")) {
    options.build_command = "cmake --build build";
  }
  PATCHBAY_ASSIGN_OR_RETURN(FileWatch watch, FileWatch::Open(options.folder));
  PATCHBAY_ASSIGN_OR_RETURN(const auto client, connection.OpenPlugins());
  std::string acting;
  while (true) {
    const absl::Status status = Swap(options, *client, acting);
    if (absl::IsCancelled(status) || WasInterrupted()) return absl::OkStatus();
    if (!status.ok()) {
      std::fprintf(stderr, "patchbay: %s\n", std::string(status.message()).c_str());
    }
    const fs::file_time_type ended = fs::file_time_type::clock::now();
    PATCHBAY_ASSIGN_OR_RETURN(const std::set<std::string> changed,
                              watch.WaitForChange(kQuiet, WasInterrupted));
    if (changed.empty()) return absl::OkStatus();
    MakeNewer(changed, ended);
  }
}

}  // namespace

void AddPluginWatchCommand(CLI::App& plugin, CommandAction& action, const Connection& connection) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = plugin.add_subcommand(
      "watch", "Build a plugin whenever a source is saved, and let a server (--host) use it");
  command->add_option("FOLDER", options->folder, "Folder with the sources")
      ->required()
      ->check(CLI::ExistingDirectory);
  CLI::Option* build = command->add_option("--build", options->build_command,
                                           "Command that builds it, run in FOLDER (default: cmake "
                                           "--build build; none where FOLDER holds "
                                           "a built plugin)");
  command->add_option("--built", options->built_folder,
                      "Folder below which the build leaves plugin.json (default: FOLDER)");
  command->callback([&action, &connection, options, build] {
    const bool has_command = build->count() > 0;
    action = [&connection, options, has_command] {
      return Watch(*options, connection, has_command);
    };
  });
}

}  // namespace patchbay
