#include "host/cli/job_command.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/base/status_macros.h"
#include "host/cli/job_files.h"
#include "host/cli/job_watch.h"
#include "host/cli/output_files.h"

namespace patchbay {
namespace {

constexpr JobState kStates[] = {JobState::kQueued, JobState::kRunning, JobState::kSucceeded,
                                JobState::kFailed, JobState::kCancelled};

struct JobOptions {
  std::string id;
  int limit = 20;
  std::vector<std::string> states;
  uint64_t after_sequence = 0;
  std::string output_file;
  std::string latent_file;
  std::string preview_file;
  bool json = false;
};

nlohmann::ordered_json Json(const Job& job) {
  nlohmann::ordered_json json = {{"id", job.id},
                                 {"state", std::string(JobStateName(job.state))},
                                 {"prompt", job.request.settings.prompt},
                                 {"model", job.request.model},
                                 {"seed", job.request.seed.value_or(0)},
                                 {"priority", job.priority},
                                 {"queue_position", job.queue_position},
                                 {"attempts", job.attempts},
                                 {"last_sequence", job.last_sequence},
                                 {"pictures", nlohmann::json::array()}};
  if (!job.error.ok()) json["error"] = std::string(job.error.message());
  if (!job.result.has_value()) return json;
  for (const Artifact& picture : job.result->pictures) json["pictures"].push_back(picture.id);
  json["total_seconds"] = job.result->report.total_seconds;
  return json;
}

void PrintLine(const Job& job) {
  std::string detail = job.request.settings.prompt;
  if (!job.error.ok()) detail = std::string(job.error.message());
  std::printf("%s  %-9s  %s\n", job.id.c_str(), std::string(JobStateName(job.state)).c_str(),
              detail.c_str());
}

void Print(const nlohmann::ordered_json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

absl::Status List(const JobOptions& options, Client& client) {
  std::vector<JobState> states;
  for (const JobState state : kStates) {
    for (const std::string& name : options.states) {
      if (name == JobStateName(state)) states.push_back(state);
    }
  }
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<Job> jobs, client.List(options.limit, states));
  if (options.json) {
    nlohmann::ordered_json list = nlohmann::json::array();
    for (const Job& job : jobs) list.push_back(Json(job));
    Print(list);
  } else {
    for (const Job& job : jobs) PrintLine(job);
  }
  return absl::OkStatus();
}

absl::Status Save(const Job& job, const JobOptions& options, Client& client) {
  if (options.output_file.empty() || !job.result.has_value()) return absl::OkStatus();
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                            SaveJobFiles(job, options.output_file, options.latent_file, client));
  for (const std::string& file : files) std::fprintf(stderr, "%s\n", file.c_str());
  return absl::OkStatus();
}

void PrintOne(const Job& job, const JobOptions& options) {
  options.json ? Print(Json(job)) : PrintLine(job);
}

absl::Status Get(const JobOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const Job job, client.Get(options.id));
  PrintOne(job, options);
  return Save(job, options, client);
}

absl::Status Watch(const JobOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const Job job, WatchJob(options.id, options.after_sequence,
                                                    options.json, options.preview_file, client));
  PrintOne(job, options);
  PATCHBAY_RETURN_IF_ERROR(Save(job, options, client));
  return OutcomeOf(job);
}

absl::Status Cancel(const JobOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const Job job, client.Cancel(options.id));
  PrintOne(job, options);
  return absl::OkStatus();
}

}  // namespace

void AddJobCommand(CLI::App& program, CommandAction& action, const Connection& connection) {
  const auto options = std::make_shared<JobOptions>();
  CLI::App* job = program.add_subcommand("job", "Look after jobs on a server (--host)");
  job->require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const JobOptions&, Client&)) {
    CLI::App* command = job->add_subcommand(name, help);
    command->add_flag("--json", options->json, "Print JSON");
    command->callback([&action, &connection, options, run] {
      action = [&connection, options, run]() -> absl::Status {
        PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, connection.Open());
        return run(*options, *client);
      };
    });
    return command;
  };
  const auto with_id = [&](CLI::App* command) {
    command->add_option("ID", options->id, "The job's id")->required();
    return command;
  };
  const auto with_files = [&](CLI::App* command) {
    command->add_option("-o,--output", options->output_file,
                        "Save the pictures; with several, numbers are added");
    command->add_option("--save-latent", options->latent_file, "Save the latent, if it was kept");
    return command;
  };

  CLI::App* list = add("list", "List jobs, the newest first", List);
  list->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  list->add_option("--state", options->states, "Only jobs in this state (repeatable)")
      ->check(CLI::IsMember({"queued", "running", "succeeded", "failed", "cancelled"}));
  with_files(with_id(add("get", "Tell how a job is, and save its pictures", Get)));
  CLI::App* watch = with_files(with_id(add("watch", "Show a job's progress to its end", Watch)));
  watch->add_option("--after", options->after_sequence, "Begin after the event of this number");
  watch->add_option("--preview", options->preview_file, "PNG file that shows the state");
  with_id(add("cancel", "End a job", Cancel));
}

}  // namespace patchbay
