#include "host/service/generation_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/error_reason.h"
#include "host/service/event_stream.h"
#include "host/service/job_conversion.h"
#include "host/service/settings_conversion.h"
#include "host/service/unary_call.h"

namespace patchbay {
namespace {

constexpr int kDefaultPageSize = 50;
constexpr int kMaxPageSize = 1000;

absl::Status Refuse(const std::string& what) {
  return WithReason(absl::InvalidArgumentError(what), error_reason::kInvalidSettings);
}

// Of CreateGenerationRequest and CreateAndWatchGenerationRequest.
template <typename Request>
absl::StatusOr<JobSubmission> SubmissionFromProto(const Request& request) {
  JobSubmission submission;
  PATCHBAY_ASSIGN_OR_RETURN(submission.request, SettingsFromProto(request.settings()));
  submission.request_id = request.request_id();
  submission.priority = request.priority();
  return submission;
}

absl::StatusOr<JobListQuery> QueryFromProto(const v1::ListGenerationsRequest& request) {
  JobListQuery query;
  query.limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  if (query.limit < 1 || query.limit > kMaxPageSize) {
    return Refuse(absl::StrCat("page_size is ", request.page_size(), "; it must be between 1 and ",
                               kMaxPageSize));
  }
  if (!request.page_token().empty() &&
      (!absl::SimpleAtoi(request.page_token(), &query.before_number) || query.before_number < 1)) {
    return Refuse("page_token is not one that this server gave");
  }
  for (const int state : request.states()) {
    PATCHBAY_ASSIGN_OR_RETURN(const JobState wanted,
                              StateFromProto(static_cast<v1::GenerationState>(state)));
    query.states.push_back(wanted);
  }
  return query;
}

}  // namespace

grpc::ServerUnaryReactor* GenerationService::CreateGeneration(
    grpc::CallbackServerContext* call, const v1::CreateGenerationRequest* request,
    v1::CreateGenerationResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const JobSubmission submission, SubmissionFromProto(*request));
    PATCHBAY_ASSIGN_OR_RETURN(const Job job, queue_.Submit(submission));
    *response->mutable_generation() = JobToProto(job);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::CreateAndWatchGenerationResponse>*
GenerationService::CreateAndWatchGeneration(grpc::CallbackServerContext*,
                                            const v1::CreateAndWatchGenerationRequest* request) {
  using Stream = EventStream<v1::CreateAndWatchGenerationResponse>;
  return Stream::Open(
      pool_, request->previews(), [this, request = *request]() -> absl::StatusOr<Stream::Start> {
        PATCHBAY_ASSIGN_OR_RETURN(const JobSubmission submission, SubmissionFromProto(request));
        PATCHBAY_ASSIGN_OR_RETURN(const Job job, queue_.Submit(submission));
        Stream::Start start;
        PATCHBAY_ASSIGN_OR_RETURN(start.log, queue_.Watch(job.id));
        return start;
      });
}

grpc::ServerWriteReactor<v1::WatchGenerationResponse>* GenerationService::WatchGeneration(
    grpc::CallbackServerContext*, const v1::WatchGenerationRequest* request) {
  using Stream = EventStream<v1::WatchGenerationResponse>;
  return Stream::Open(pool_, request->previews(),
                      [this, request = *request]() -> absl::StatusOr<Stream::Start> {
                        Stream::Start start;
                        start.after_sequence = request.after_sequence();
                        PATCHBAY_ASSIGN_OR_RETURN(start.log, queue_.Watch(request.id()));
                        return start;
                      });
}

grpc::ServerUnaryReactor* GenerationService::GetGeneration(grpc::CallbackServerContext* call,
                                                           const v1::GetGenerationRequest* request,
                                                           v1::GetGenerationResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const Job job, queue_.Get(request->id()));
    *response->mutable_generation() = JobToProto(job);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* GenerationService::ListGenerations(
    grpc::CallbackServerContext* call, const v1::ListGenerationsRequest* request,
    v1::ListGenerationsResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const JobListQuery query, QueryFromProto(*request));
    PATCHBAY_ASSIGN_OR_RETURN(const JobPage page, queue_.List(query));
    for (const Job& job : page.jobs) *response->add_generations() = JobToProto(job);
    if (page.more) response->set_next_page_token(absl::StrCat(page.jobs.back().number));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* GenerationService::CancelGeneration(
    grpc::CallbackServerContext* call, const v1::CancelGenerationRequest* request,
    v1::CancelGenerationResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const Job job, queue_.Cancel(request->id()));
    *response->mutable_generation() = JobToProto(job);
    return absl::OkStatus();
  });
}

}  // namespace patchbay
