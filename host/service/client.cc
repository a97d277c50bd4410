#include "host/service/client.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/mapped_file.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"
#include "host/service/call_canceller.h"
#include "host/service/client_channel.h"
#include "host/service/error_conversion.h"
#include "host/service/job_conversion.h"
#include "host/service/settings_conversion.h"
#include "patchbay/v1/artifact_service.grpc.pb.h"
#include "patchbay/v1/generation_service.grpc.pb.h"
#include "patchbay/v1/model_service.grpc.pb.h"

namespace patchbay {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
constexpr absl::Duration kRetryInterval = absl::Milliseconds(500);
// A broken-off download of a huge artifact should not be waited for without end.
constexpr absl::Duration kTransferDeadline = absl::Hours(1);
constexpr absl::Duration kLoadDeadline = absl::Hours(1);

ModelEntry ModelFromProto(const v1::Model& proto) {
  ModelEntry model;
  model.name = proto.name();
  model.size_bytes = proto.size_bytes();
  model.loaded = proto.loaded();
  model.is_default = proto.is_default();
  return model;
}

std::string_view Text(absl::Span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class GrpcClient final : public Client {
 public:
  explicit GrpcClient(ClientChannel channel)
      : channel_(std::move(channel)),
        generations_(v1::GenerationService::NewStub(channel_.channel())),
        artifacts_(v1::ArtifactService::NewStub(channel_.channel())),
        models_(v1::ModelService::NewStub(channel_.channel())) {}

  absl::StatusOr<Job> Create(const JobSubmission& submission) override {
    v1::CreateGenerationRequest request;
    *request.mutable_settings() = SettingsToProto(submission.request);
    request.set_request_id(submission.request_id);
    request.set_priority(submission.priority);
    v1::CreateGenerationResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(generations_->CreateGeneration(&call, request, &response)));
    return JobFromProto(response.generation());
  }

  absl::StatusOr<Job> Get(const std::string& id) override {
    v1::GetGenerationRequest request;
    request.set_id(id);
    v1::GetGenerationResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(generations_->GetGeneration(&call, request, &response)));
    return JobFromProto(response.generation());
  }

  absl::StatusOr<Job> Cancel(const std::string& id) override {
    v1::CancelGenerationRequest request;
    request.set_id(id);
    v1::CancelGenerationResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(generations_->CancelGeneration(&call, request, &response)));
    return JobFromProto(response.generation());
  }

  absl::StatusOr<std::vector<Job>> List(int limit, const std::vector<JobState>& states) override {
    std::vector<Job> jobs;
    v1::ListGenerationsRequest request;
    for (const JobState state : states) request.add_states(StateToProto(state));
    do {
      request.set_page_size(std::min(1000, limit - static_cast<int>(jobs.size())));
      v1::ListGenerationsResponse response;
      grpc::ClientContext call;
      channel_.Prepare(call);
      PATCHBAY_RETURN_IF_ERROR(
          FromGrpcStatus(generations_->ListGenerations(&call, request, &response)));
      for (const v1::Generation& generation : response.generations()) {
        PATCHBAY_ASSIGN_OR_RETURN(Job job, JobFromProto(generation));
        jobs.push_back(std::move(job));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty() && jobs.size() < static_cast<size_t>(limit));
    return jobs;
  }

  absl::StatusOr<Job> Watch(const std::string& id, const WatchOptions& options,
                            const std::function<void(const JobEvent&)>& on_event,
                            const std::function<bool()>& is_interrupted) override {
    WatchOptions from_here = options;
    absl::Time give_up = absl::Now() + options.patience;
    while (true) {
      const uint64_t sequence = from_here.after_sequence;
      std::optional<Job> end;
      const absl::Status status = WatchOnce(id, from_here, on_event, is_interrupted, end);
      if (end.has_value()) return *std::move(end);
      if (is_interrupted()) return absl::CancelledError("interrupted");
      if (status.ok()) return Get(id);  // it had ended before the first event that was asked for
      if (from_here.after_sequence > sequence) give_up = absl::Now() + options.patience;
      const bool broken = absl::IsUnavailable(status) || absl::IsCancelled(status);
      if (!broken || absl::Now() > give_up) return status;
      absl::SleepFor(kRetryInterval);
    }
  }

  absl::StatusOr<std::string> Upload(const std::string& path) override {
    PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
    const std::string_view bytes = Text(file->bytes());
    const std::string id = Sha256Of(bytes);
    const absl::Status known = HasArtifact(id);
    if (known.ok()) return id;
    if (!absl::IsNotFound(known)) return known;

    grpc::ClientContext call;
    channel_.Prepare(call, kTransferDeadline);
    v1::UploadArtifactResponse response;
    const auto writer = artifacts_->UploadArtifact(&call, &response);
    v1::UploadArtifactRequest part;
    part.mutable_header()->set_size_bytes(bytes.size());
    part.mutable_header()->set_sha256(id);
    bool going = writer->Write(part);
    for (size_t offset = 0; going && offset < bytes.size(); offset += kChunkBytes) {
      part.set_chunk(std::string(bytes.substr(offset, kChunkBytes)));
      going = writer->Write(part);
    }
    writer->WritesDone();
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(writer->Finish()));
    return response.artifact().id();
  }

  absl::StatusOr<std::string> Download(const std::string& id) override {
    v1::DownloadArtifactRequest request;
    request.set_id(id);
    grpc::ClientContext call;
    channel_.Prepare(call, kTransferDeadline);
    const auto reader = artifacts_->DownloadArtifact(&call, request);
    std::string bytes;
    v1::DownloadArtifactResponse part;
    while (reader->Read(&part)) bytes += part.chunk();
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(reader->Finish()));
    if (Sha256Of(bytes) == id) return bytes;
    return absl::DataLossError(absl::StrCat("artifact ", id, " was damaged on its way"));
  }

  absl::StatusOr<std::vector<ModelEntry>> ListModels() override {
    v1::ListModelsResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(models_->ListModels(&call, v1::ListModelsRequest(), &response)));
    std::vector<ModelEntry> models;
    for (const v1::Model& model : response.models()) models.push_back(ModelFromProto(model));
    return models;
  }

  absl::StatusOr<ModelEntry> LoadModel(const std::string& name) override {
    v1::LoadModelRequest request;
    request.set_name(name);
    v1::LoadModelResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call, kLoadDeadline);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(models_->LoadModel(&call, request, &response)));
    return ModelFromProto(response.model());
  }

  absl::StatusOr<ModelEntry> UnloadModel(const std::string& name) override {
    v1::UnloadModelRequest request;
    request.set_name(name);
    v1::UnloadModelResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(models_->UnloadModel(&call, request, &response)));
    return ModelFromProto(response.model());
  }

  absl::StatusOr<ModelText> InspectModel(const std::string& name) override {
    v1::InspectModelRequest request;
    request.set_name(name);
    v1::InspectModelResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(models_->InspectModel(&call, request, &response)));
    return ModelText{response.description(), response.description_json()};
  }

 private:
  absl::Status HasArtifact(const std::string& id) {
    v1::GetArtifactRequest request;
    request.set_id(id);
    v1::GetArtifactResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    return FromGrpcStatus(artifacts_->GetArtifact(&call, request, &response));
  }

  // One stream. `options.after_sequence` follows what was received; `end` is the final job.
  absl::Status WatchOnce(const std::string& id, WatchOptions& options,
                         const std::function<void(const JobEvent&)>& on_event,
                         const std::function<bool()>& is_interrupted, std::optional<Job>& end) {
    v1::WatchGenerationRequest request;
    request.set_id(id);
    request.set_after_sequence(options.after_sequence);
    request.set_previews(options.previews);
    grpc::ClientContext call;
    channel_.Prepare(call, absl::InfiniteDuration());
    const CallCanceller canceller(call, is_interrupted);
    const auto reader = generations_->WatchGeneration(&call, request);
    v1::WatchGenerationResponse response;
    while (reader->Read(&response)) {
      PATCHBAY_ASSIGN_OR_RETURN(const JobEvent event, EventFromProto(response.event()));
      options.after_sequence = event.sequence;
      on_event(event);
      const auto* change = std::get_if<JobStateChange>(&event.what);
      if (change != nullptr && IsFinal(change->job.state)) end = change->job;
    }
    return FromGrpcStatus(reader->Finish());
  }

  const ClientChannel channel_;
  const std::unique_ptr<v1::GenerationService::Stub> generations_;
  const std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  const std::unique_ptr<v1::ModelService::Stub> models_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Make(const ClientOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(ClientChannel channel, ClientChannel::Make(options));
  return std::make_unique<GrpcClient>(std::move(channel));
}

}  // namespace patchbay
