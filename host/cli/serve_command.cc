#include "host/cli/serve_command.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/cli/engine_options.h"
#include "host/cli/forced_end.h"
#include "host/cli/interrupt.h"
#include "host/cli/option_values.h"
#include "host/cli/resources.h"
#include "host/cli/serve_bridges.h"
#include "host/engine/jobs/action_runner.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/engine_executor.h"
#include "host/engine/jobs/job_journal.h"
#include "host/engine/jobs/job_queue.h"
#include "host/engine/jobs/model_registry.h"
#include "host/engine/jobs/plugin_administration.h"
#include "host/engine/jobs/private_paths.h"
#include "host/engine/plugin_access.h"
#include "host/service/server.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kAskInterval = absl::Milliseconds(50);
// After the drain, for a step that is under way and for what is let go of.
constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr double kGibibyte = 1u << 30;

struct ServeOptions {
  ServerOptions server;
  JobQueueOptions queue;
  ModelRegistryOptions models;
  EngineChoices engine;
  BridgeOptions bridges;
  std::string data_folder;
  std::string lora_folder;
  std::string plugin_folder;
  std::string plugin_files_folder;
  double store_gib = 64;
  double artifact_gib = 8;
  double model_gib = 0;
  int keep_jobs = 10'000;
  double keep_hours = 24;
  double drain_seconds = 30;
  double hook_seconds = 60;
  bool no_reflection = false;
};

// Where a user's programs keep their data (XDG base directory specification).
std::string DefaultDataFolder() {
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && *data_home == '/') return absl::StrCat(data_home, "/patchbay");
  const char* home = std::getenv("HOME");
  return absl::StrCat(home == nullptr ? "." : home, "/.local/share/patchbay");
}

uint64_t Bytes(double gibibytes) { return static_cast<uint64_t>(gibibytes * kGibibyte); }

absl::Status CompleteOptions(ServeOptions& options) {
  if (options.models.folder.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string model, DefaultModelFolder());
    options.models.folder = fs::path(model).parent_path().string();
  }
  options.models.engine = CompleteEngineOptions(options.engine);
  // Left to itself an engine decides by what is in memory, and rounding would then depend on which
  // jobs came before. A job must give the same picture each time.
  if (options.models.engine.lora_application == LoraApplication::kAuto) {
    options.models.engine.lora_application = LoraApplication::kMerged;
  }
  options.models.memory_bytes = Bytes(options.model_gib);
  options.server.reflection = !options.no_reflection;
  if (options.data_folder.empty()) options.data_folder = DefaultDataFolder();
  std::error_code error;
  fs::create_directories(options.data_folder, error);
  if (error) {
    return absl::ErrnoToStatus(error.value(),
                               absl::StrCat("--data ", options.data_folder, " cannot be made"));
  }
  if (!options.plugin_folder.empty() && !fs::is_directory(options.plugin_folder, error)) {
    return absl::NotFoundError(
        absl::StrCat("there is no folder of plugins at ", options.plugin_folder));
  }
  if (options.plugin_folder.empty()) options.plugin_folder = BuiltPluginsFolder();
  if (!options.plugin_files_folder.empty() &&
      !fs::is_directory(options.plugin_files_folder, error)) {
    return absl::NotFoundError(
        absl::StrCat("there is no folder of plugins' files at ", options.plugin_files_folder));
  }
  return absl::OkStatus();
}

// Forgets old jobs, and files that no job names and nobody has asked for lately.
absl::Status TidyUp(const ServeOptions& options, JobJournal& journal, ArtifactStore& artifacts) {
  PATCHBAY_RETURN_IF_ERROR(journal.Prune(options.keep_jobs).status());
  PATCHBAY_ASSIGN_OR_RETURN(const std::set<std::string> used, journal.UsedArtifacts());
  return artifacts
      .RemoveUnused([&used](const std::string& id) { return used.count(id) > 0; },
                    absl::Now() - absl::Hours(options.keep_hours))
      .status();
}

absl::Status Serve(ServeOptions& options) {
  PATCHBAY_RETURN_IF_ERROR(CompleteOptions(options));
  const std::string& data = options.data_folder;
  ForcedEnd forced_end;
  // The journal first: it is what keeps a second process out of the folder.
  PATCHBAY_ASSIGN_OR_RETURN(const auto journal,
                            JobJournal::Open(absl::StrCat(data, "/jobs.sqlite")));
  PATCHBAY_ASSIGN_OR_RETURN(
      const auto artifacts,
      ArtifactStore::Open(absl::StrCat(data, "/artifacts"),
                          {Bytes(options.artifact_gib), Bytes(options.store_gib)}));
  PATCHBAY_RETURN_IF_ERROR(TidyUp(options, *journal, *artifacts));
  PATCHBAY_ASSIGN_OR_RETURN(options.models.engine.plugins,
                            OpenPlugins({.folders = {options.plugin_folder},
                                         .store = absl::StrCat(data, "/plugins"),
                                         .probe_program = PluginManifestProgram(),
                                         .files = options.plugin_files_folder,
                                         .hook_seconds = options.hook_seconds}));
  PATCHBAY_ASSIGN_OR_RETURN(const auto models, ModelRegistry::Open(options.models));
  PATCHBAY_ASSIGN_OR_RETURN(
      const auto executor,
      EngineExecutor::Make(*models, *artifacts, absl::StrCat(data, "/work"), options.lora_folder,
                           PrivatePaths({data, options.lora_folder, options.models.folder,
                                         options.plugin_folder, options.plugin_files_folder})));
  PATCHBAY_ASSIGN_OR_RETURN(const auto queue,
                            JobQueue::Open(options.queue, *journal, *artifacts, *executor));
  PluginAdministration plugins(models->plugins(), *artifacts, absl::StrCat(data, "/work"));
  ActionRunner actions(*queue, *executor, *artifacts);
  PATCHBAY_ASSIGN_OR_RETURN(
      const auto server, Server::Start(options.server, {queue.get(), artifacts.get(), models.get(),
                                                        executor.get(), &plugins, &actions}));
  std::printf("serving at %s\n", server->address().c_str());
  std::fflush(stdout);
  // Ended first, so that its clients see their requests end and not their server vanish.
  std::optional<BridgeProcess> bridges(
      std::in_place, options.bridges,
      BridgedServer{server->address(), !options.server.tls_certificate_file.empty(), data,
                    options.lora_folder});
  while (!WasInterrupted()) {
    absl::SleepFor(kAskInterval);
    bridges->Watch();
  }
  std::fprintf(stderr, "ending: the running generation has %.0f seconds\n", options.drain_seconds);
  forced_end.After(absl::Seconds(options.drain_seconds) + kGrace);
  bridges.reset();
  server->ShutDown(absl::Seconds(options.drain_seconds));
  return absl::OkStatus();
}

void DeclareServerOptions(CLI::App& command, ServeOptions& options) {
  ServerOptions& server = options.server;
  command.add_option("--grpc", server.address, "Where to listen, address:port or unix:/path")
      ->capture_default_str();
  command.add_option("--tls-cert", server.tls_certificate_file, "PEM file with the certificate");
  command.add_option("--tls-key", server.tls_key_file, "PEM file with the key");
  command.add_option("--tls-client-ca", server.tls_client_authority_file,
                     "PEM file of the authority whose client certificates make administrators");
  command.add_option("--admin-token-file", server.administrator_token_file,
                     "File with the administrators' token in its first line");
  command.add_flag("--insecure", server.insecure,
                   "Listen without TLS at an address that other machines can reach");
  command.add_flag("--no-reflection", options.no_reflection,
                   "Do not tell clients about the API (gRPC server reflection)");
  command.add_option("--metrics", server.metrics_address,
                     "Serve Prometheus metrics over HTTP at this address:port");
  command
      .add_option(
          "--drain-seconds", options.drain_seconds,
          "How long the running generation may take when the server is to end; five seconds "
          "later the process ends whatever it is doing")
      ->capture_default_str();
}

void DeclareJobOptions(CLI::App& command, ServeOptions& options) {
  command.add_option("--data", options.data_folder,
                     "Folder for jobs and files (default: ~/.local/share/patchbay)");
  command.add_option(
      "--models", options.models.folder,
      "Folder of diffusers folders, safetensors and GGUF files (default: the models that "
      "come with Patchbay)");
  command.add_option("--model", options.models.default_model,
                     "Model for requests that name none (default: \"default\", or the only one)");
  command.add_option("--loras", options.lora_folder, "Folder where LoRAs are found by name");
  command.add_option("--plugins", options.plugin_folder,
                     "Folder of plugins' folders (default: the plugins that come with Patchbay)");
  command.add_option("--plugin-files", options.plugin_files_folder,
                     "Folder where plugins' settings find files and pictures by name");
  command
      .add_option("--hook-seconds", options.hook_seconds,
                  "How long one call into a plugin may take before that is a failure")
      ->check(CLI::Range(0.001, 86'400.0))
      ->capture_default_str();
  command.add_option("--model-gib", options.model_gib,
                     "Weights that may stay in memory together (default: half of the memory)");
  command.add_option("--queue", options.queue.capacity, "Generations that may wait")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command
      .add_option("--job-attempts", options.queue.max_attempts,
                  "Times that a generation is begun before it is blamed for crashes")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  command.add_option("--artifact-gib", options.artifact_gib, "Largest file that is taken")
      ->capture_default_str();
  command.add_option("--store-gib", options.store_gib, "All files together")->capture_default_str();
  command.add_option("--keep-jobs", options.keep_jobs, "Ended generations to remember")
      ->check(CLI::Range(0, 100'000'000))
      ->capture_default_str();
  command
      .add_option("--keep-hours", options.keep_hours,
                  "How long files are kept that no generation names")
      ->capture_default_str();
}

}  // namespace

void AddServeCommand(CLI::App& program, CommandAction& action) {
  const auto options = std::make_shared<ServeOptions>();
  CLI::App* command = program.add_subcommand("serve", "Draw for others over gRPC");
  DeclareServerOptions(*command, *options);
  DeclareJobOptions(*command, *options);
  DeclareBridgeOptions(*command, options->bridges);
  DeclareEngineOptions(*command, options->engine);
  RefuseEmptyValues(*command);
  command->callback([&action, options] { action = [options] { return Serve(*options); }; });
}

}  // namespace patchbay
