#include "host/service/job_conversion.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/service/error_conversion.h"
#include "host/service/settings_conversion.h"

namespace patchbay {
namespace {

using google::protobuf::Timestamp;

void TimeToProto(absl::Time time, Timestamp* proto) {
  const int64_t nanos = absl::ToUnixNanos(time);
  proto->set_seconds(nanos / 1'000'000'000);
  proto->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

absl::Time TimeFromProto(const Timestamp& proto) {
  return absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

void ProgressToProto(const JobProgress& progress, v1::StepProgress* proto) {
  proto->set_pass(progress.pass);
  proto->set_step(progress.step);
  proto->set_steps(progress.steps);
  proto->set_seconds(progress.seconds);
}

JobProgress ProgressFromProto(const v1::StepProgress& proto) {
  return {proto.pass(), proto.step(), proto.steps(), proto.seconds()};
}

void ReportToProto(const JobResult& result, v1::GenerationReport* proto) {
  const GenerationReport& report = result.report;
  proto->set_seed(report.seed);
  proto->mutable_size()->set_width(report.size.width);
  proto->mutable_size()->set_height(report.size.height);
  proto->set_sampler(report.sampler);
  proto->set_schedule(report.schedule);
  proto->mutable_step_seconds()->Add(report.step_seconds.begin(), report.step_seconds.end());
  proto->set_load_seconds(result.load_seconds);
  proto->set_text_seconds(report.text_seconds);
  proto->set_vae_seconds(report.vae_seconds);
  proto->set_total_seconds(report.total_seconds);
  for (const std::string& warning : report.warnings) proto->add_warnings(warning);
  proto->set_plugins(report.plugins);
  proto->mutable_weight_bytes()->insert(report.weight_bytes.begin(), report.weight_bytes.end());
  proto->set_peak_memory_bytes(report.peak_memory_bytes);
}

JobResult ResultFromProto(const v1::Generation& generation) {
  JobResult result;
  for (const v1::GeneratedPicture& picture : generation.pictures()) {
    result.pictures.push_back({picture.artifact_id(), picture.size_bytes()});
  }
  result.latent_artifact_id = generation.latent_artifact_id();
  const v1::GenerationReport& proto = generation.report();
  result.load_seconds = proto.load_seconds();
  GenerationReport& report = result.report;
  report.seed = proto.seed();
  report.size = {proto.size().width(), proto.size().height()};
  report.sampler = proto.sampler();
  report.schedule = proto.schedule();
  report.step_seconds.assign(proto.step_seconds().begin(), proto.step_seconds().end());
  report.text_seconds = proto.text_seconds();
  report.vae_seconds = proto.vae_seconds();
  report.total_seconds = proto.total_seconds();
  report.plugins = proto.plugins();
  report.weight_bytes.insert(proto.weight_bytes().begin(), proto.weight_bytes().end());
  report.peak_memory_bytes = proto.peak_memory_bytes();
  report.warnings.assign(proto.warnings().begin(), proto.warnings().end());
  return result;
}

}  // namespace

v1::GenerationState StateToProto(JobState state) {
  return static_cast<v1::GenerationState>(static_cast<int>(state) + 1);
}
static_assert(static_cast<int>(JobState::kQueued) + 1 == v1::GENERATION_STATE_QUEUED);
static_assert(static_cast<int>(JobState::kRunning) + 1 == v1::GENERATION_STATE_RUNNING);
static_assert(static_cast<int>(JobState::kSucceeded) + 1 == v1::GENERATION_STATE_SUCCEEDED);
static_assert(static_cast<int>(JobState::kFailed) + 1 == v1::GENERATION_STATE_FAILED);
static_assert(static_cast<int>(JobState::kCancelled) + 1 == v1::GENERATION_STATE_CANCELLED);

absl::StatusOr<JobState> StateFromProto(v1::GenerationState state) {
  if (state < v1::GENERATION_STATE_QUEUED || state > v1::GENERATION_STATE_CANCELLED) {
    return absl::InvalidArgumentError(
        absl::StrCat(static_cast<int>(state), " is no state of a generation"));
  }
  return static_cast<JobState>(static_cast<int>(state) - 1);
}

v1::Generation JobToProto(const Job& job) {
  v1::Generation generation;
  generation.set_id(job.id);
  generation.set_state(StateToProto(job.state));
  *generation.mutable_settings() = SettingsToProto(job.request);
  generation.set_priority(job.priority);
  TimeToProto(job.create_time, generation.mutable_create_time());
  if (job.start_time.has_value()) TimeToProto(*job.start_time, generation.mutable_start_time());
  if (job.finish_time.has_value()) TimeToProto(*job.finish_time, generation.mutable_finish_time());
  generation.set_queue_position(job.queue_position);
  generation.set_attempts(job.attempts);
  if (job.progress.has_value()) ProgressToProto(*job.progress, generation.mutable_progress());
  generation.set_last_sequence(job.last_sequence);
  if (!job.error.ok()) *generation.mutable_error() = ErrorToProto(job.error);
  if (!job.result.has_value()) return generation;
  for (const Artifact& picture : job.result->pictures) {
    v1::GeneratedPicture* proto = generation.add_pictures();
    proto->set_artifact_id(picture.id);
    proto->set_size_bytes(picture.size_bytes);
    proto->set_media_type(std::string(MediaType(job.request.format)));
  }
  generation.set_latent_artifact_id(job.result->latent_artifact_id);
  ReportToProto(*job.result, generation.mutable_report());
  return generation;
}

absl::StatusOr<Job> JobFromProto(const v1::Generation& generation) {
  Job job;
  job.id = generation.id();
  PATCHBAY_ASSIGN_OR_RETURN(job.state, StateFromProto(generation.state()));
  PATCHBAY_ASSIGN_OR_RETURN(job.request, SettingsFromProto(generation.settings()));
  job.priority = generation.priority();
  job.create_time = TimeFromProto(generation.create_time());
  if (generation.has_start_time()) job.start_time = TimeFromProto(generation.start_time());
  if (generation.has_finish_time()) job.finish_time = TimeFromProto(generation.finish_time());
  job.queue_position = generation.queue_position();
  job.attempts = generation.attempts();
  if (generation.has_progress()) job.progress = ProgressFromProto(generation.progress());
  job.last_sequence = generation.last_sequence();
  if (generation.has_error()) job.error = ErrorFromProto(generation.error());
  if (generation.has_report()) job.result = ResultFromProto(generation);
  return job;
}

v1::GenerationEvent EventToProto(const JobEvent& event) {
  v1::GenerationEvent proto;
  proto.set_sequence(event.sequence);
  TimeToProto(event.time, proto.mutable_time());
  if (const auto* change = std::get_if<JobStateChange>(&event.what)) {
    *proto.mutable_state_changed() = JobToProto(change->job);
  } else if (const auto* progress = std::get_if<JobProgress>(&event.what)) {
    ProgressToProto(*progress, proto.mutable_progress());
  } else if (const auto* preview = std::get_if<JobPreview>(&event.what)) {
    proto.mutable_preview()->set_pass(preview->pass);
    proto.mutable_preview()->set_step(preview->step);
    for (const std::string& jpeg : preview->jpegs) proto.mutable_preview()->add_jpegs(jpeg);
  }
  return proto;
}

absl::StatusOr<JobEvent> EventFromProto(const v1::GenerationEvent& proto) {
  JobEvent event;
  event.sequence = proto.sequence();
  event.time = TimeFromProto(proto.time());
  if (proto.has_state_changed()) {
    PATCHBAY_ASSIGN_OR_RETURN(Job job, JobFromProto(proto.state_changed()));
    event.what = JobStateChange{std::move(job)};
  } else if (proto.has_progress()) {
    event.what = ProgressFromProto(proto.progress());
  } else {
    const auto& jpegs = proto.preview().jpegs();
    event.what =
        JobPreview{proto.preview().pass(), proto.preview().step(), {jpegs.begin(), jpegs.end()}};
  }
  return event;
}

}  // namespace patchbay
