#include "host/cli/remote_generate.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/interrupt.h"
#include "host/cli/job_files.h"
#include "host/cli/job_watch.h"
#include "host/cli/output_files.h"
#include "host/cli/plugin_files.h"

namespace patchbay {

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
  std::string typed = FirstTypedOption(options.engine);
  if (!options.plugin_folders.empty()) typed = "--plugins";
  if (!typed.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(typed, " is for the server to decide; give it to `patchbay serve`"));
  }
  if (remote.detach && options.round.count > 1) {
    return absl::InvalidArgumentError(
        "--detach leaves one job to the server, and this picture is painted in several rounds; "
        "give --rounds 1, or wait for it");
  }
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(options));
  PATCHBAY_RETURN_IF_ERROR(CompleteRequest(options));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<PluginClient> plugins, connection.OpenPlugins());
  PATCHBAY_RETURN_IF_ERROR(
      NamePluginFiles([&plugins](const std::string& id) { return plugins->Show(id); },
                      /*has_server=*/true, options.request));
  PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, connection.Open());
  JobSubmission submission;
  PATCHBAY_ASSIGN_OR_RETURN(submission.request, UploadRequestFiles(options, *client));
  // A random seed is the server's to draw: with a request_id, the second call must equal the first.
  if (!options.seed.has_value()) submission.request.seed.reset();
  submission.request.without_default_plugins = remote.without_default_plugins;
  if (remote.skip_failed_plugins) {
    submission.request.plugin_failure_policy = PluginFailurePolicy::kSkip;
  }
  submission.request_id = remote.request_id;
  if (!remote.request_id.empty() && !options.round.is_last()) {
    absl::StrAppend(&submission.request_id, "-round-", options.round.index + 1);
  }
  submission.priority = remote.priority;
  PATCHBAY_ASSIGN_OR_RETURN(Job job, client->Create(submission));
  if (remote.detach) {
    std::printf("%s\n", job.id.c_str());
    return absl::OkStatus();
  }
  const std::string id = job.id;
  absl::StatusOr<Job> ended =
      WatchJob(id, 0, options.json, options.preview_file, *client, options.round);
  if (!ended.ok() && WasInterrupted()) PATCHBAY_RETURN_IF_ERROR(client->Cancel(id).status());
  if (!ended.ok()) return ended.status();
  PATCHBAY_RETURN_IF_ERROR(OutcomeOf(*ended));
  PATCHBAY_ASSIGN_OR_RETURN(
      const std::vector<std::string> files,
      SaveJobFiles(*ended, options.output_file, options.save_latent_file, *client));
  if (!options.round.is_last()) return absl::OkStatus();
  GenerationReport report = ended->result->report;
  for (std::string& unused : UnusedOptions(options)) report.warnings.push_back(std::move(unused));
  PrintReport(report, ended->result->load_seconds, files, options.json);
  return absl::OkStatus();
}

}  // namespace patchbay
