#include "host/cli/remote_generate.h"

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/interrupt.h"
#include "host/cli/job_files.h"
#include "host/cli/job_watch.h"
#include "host/cli/output_files.h"
#include "host/cli/plugin_files.h"
#include "host/formats/picture.h"

namespace patchbay {

namespace {

struct Clients {
  std::unique_ptr<PluginClient> plugins;
  std::unique_ptr<Client> jobs;
};

absl::StatusOr<Clients> OpenClients(const Connection& connection) {
  Clients clients;
  PATCHBAY_ASSIGN_OR_RETURN(clients.plugins, connection.OpenPlugins());
  PATCHBAY_ASSIGN_OR_RETURN(clients.jobs, connection.Open());
  return clients;
}

absl::Status CheckForServer(const GenerateOptions& options, const RemoteGenerateOptions& remote) {
  if (remote.detach && options.round.count > 1) {
    return absl::InvalidArgumentError(
        "--detach leaves one job to the server, and this picture is painted in several rounds; "
        "give --rounds 1, or wait for it");
  }
  std::string typed = FirstTypedOption(options.engine);
  if (!options.plugin_folders.empty()) typed = "--plugins";
  if (typed.empty()) return absl::OkStatus();
  return ForTheServerToDecide(typed);
}

// What the server would have to know is left to it.
absl::Status Complete(GenerateOptions& options, const Clients& clients) {
  PATCHBAY_RETURN_IF_ERROR(CompleteRequest(options));
  return NamePluginFiles([&clients](const std::string& id) { return clients.plugins->Show(id); },
                         /*has_server=*/true, options.request);
}

absl::StatusOr<Job> Create(GenerateOptions& options, const RemoteGenerateOptions& remote,
                           const std::string& request_id, const Clients& clients) {
  PATCHBAY_RETURN_IF_ERROR(Complete(options, clients));
  JobSubmission submission;
  PATCHBAY_ASSIGN_OR_RETURN(submission.request, UploadRequestFiles(options, *clients.jobs));
  // A random seed is the server's to draw: with a request_id, the second call must equal the first.
  if (!options.seed.has_value()) submission.request.seed.reset();
  submission.request.without_default_plugins = remote.without_default_plugins;
  if (remote.skip_failed_plugins) {
    submission.request.plugin_failure_policy = PluginFailurePolicy::kSkip;
  }
  submission.request_id = request_id;
  submission.priority = remote.priority;
  return clients.jobs->Create(submission);
}

// To its end, which must be a good one. Ctrl-C cancels the job.
absl::StatusOr<Job> Follow(const std::string& id, const GenerateOptions& options, Client& client) {
  absl::StatusOr<Job> ended =
      WatchJob(id, 0, options.json, options.preview_file, client, options.round);
  if (!ended.ok() && WasInterrupted()) PATCHBAY_RETURN_IF_ERROR(client.Cancel(id).status());
  if (ended.ok()) PATCHBAY_RETURN_IF_ERROR(OutcomeOf(*ended));
  return ended;
}

class DrawerThere final : public JobDrawer {
 public:
  DrawerThere(RemoteGenerateOptions remote, Clients clients)
      : remote_(std::move(remote)), clients_(std::move(clients)) {}

  absl::StatusOr<DrawnJob> Draw(GenerateOptions& options) override {
    PATCHBAY_RETURN_IF_ERROR(CheckForServer(options, remote_));
    std::string request_id = remote_.request_id;
    if (!request_id.empty()) absl::StrAppend(&request_id, "-job-", ++jobs_);
    PATCHBAY_ASSIGN_OR_RETURN(const Job job, Create(options, remote_, request_id, clients_));
    PATCHBAY_ASSIGN_OR_RETURN(const Job ended, Follow(job.id, options, *clients_.jobs));
    DrawnJob drawn;
    drawn.load_seconds = ended.result->load_seconds;
    drawn.result.report = ended.result->report;
    for (const Artifact& picture : ended.result->pictures) {
      PATCHBAY_ASSIGN_OR_RETURN(const std::string bytes, clients_.jobs->Download(picture.id));
      PATCHBAY_ASSIGN_OR_RETURN(
          drawn.result.pictures.emplace_back(),
          DecodePicture({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}));
    }
    return drawn;
  }

 private:
  const RemoteGenerateOptions remote_;
  const Clients clients_;
  int jobs_ = 0;
};

}  // namespace

void DeclareRemoteGenerateOptions(CLI::App& command, RemoteGenerateOptions& options) {
  command.add_option("--request-id", options.request_id,
                     "With --host: typing the same command with the same id twice draws once");
  command.add_option("--priority", options.priority, "With --host: -100 to 100, higher goes first");
  command.add_flag("--detach", options.detach,
                   "With --host: print the job's id and leave it to the server");
  command.add_flag("--without-default-plugins", options.without_default_plugins,
                   "With --host: without the plugins that are active on the server");
  command.add_flag("--skip-failed-plugins", options.skip_failed_plugins,
                   "With --host: when a plugin fails, draw without it");
}

absl::Status CheckNotRemote(const RemoteGenerateOptions& remote) {
  if (remote.request_id.empty() && remote.priority == 0 && !remote.detach &&
      !remote.without_default_plugins && !remote.skip_failed_plugins) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "--request-id, --priority, --detach, --without-default-plugins and --skip-failed-plugins are "
      "for a server; name one with --host");
}

absl::Status GenerateRemotely(GenerateOptions& options, const RemoteGenerateOptions& remote,
                              const Connection& connection) {
  PATCHBAY_RETURN_IF_ERROR(CheckForServer(options, remote));
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(options));
  PATCHBAY_ASSIGN_OR_RETURN(const Clients clients, OpenClients(connection));
  std::string request_id = remote.request_id;
  if (!request_id.empty() && !options.round.is_last()) {
    absl::StrAppend(&request_id, "-round-", options.round.index + 1);
  }
  PATCHBAY_ASSIGN_OR_RETURN(const Job job, Create(options, remote, request_id, clients));
  if (remote.detach) {
    std::printf("%s\n", job.id.c_str());
    return absl::OkStatus();
  }
  PATCHBAY_ASSIGN_OR_RETURN(const Job ended, Follow(job.id, options, *clients.jobs));
  PATCHBAY_ASSIGN_OR_RETURN(
      const std::vector<std::string> files,
      SaveJobFiles(ended, options.output_file, options.save_latent_file, *clients.jobs));
  if (!options.round.is_last()) return absl::OkStatus();
  GenerationReport report = ended.result->report;
  for (std::string& unused : UnusedOptions(options)) report.warnings.push_back(std::move(unused));
  PrintReport(report, ended.result->load_seconds, files, options.json);
  return absl::OkStatus();
}

absl::Status CheckJobThere(GenerateOptions options, const RemoteGenerateOptions& remote,
                           const Connection& connection) {
  PATCHBAY_RETURN_IF_ERROR(CheckForServer(options, remote));
  PATCHBAY_ASSIGN_OR_RETURN(const Clients clients, OpenClients(connection));
  PATCHBAY_RETURN_IF_ERROR(Complete(options, clients));
  for (const ChosenPlugin& plugin : options.request.plugins) {
    PATCHBAY_RETURN_IF_ERROR(clients.plugins->Show(plugin.id).status());
  }
  return CheckRequestFiles(options.request);
}

absl::StatusOr<std::unique_ptr<JobDrawer>> OpenDrawerThere(const RemoteGenerateOptions& remote,
                                                           const Connection& connection) {
  if (remote.detach) {
    return absl::InvalidArgumentError(
        "--detach leaves one job to the server, and a clip is painted in several; wait for it");
  }
  PATCHBAY_ASSIGN_OR_RETURN(Clients clients, OpenClients(connection));
  return std::make_unique<DrawerThere>(remote, std::move(clients));
}

}  // namespace patchbay
