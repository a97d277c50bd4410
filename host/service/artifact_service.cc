#include "host/service/artifact_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/service/error_conversion.h"
#include "host/service/unary_call.h"

namespace patchbay {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kMaxChunkBytes = 1 << 20;

void ArtifactToProto(const Artifact& artifact, v1::Artifact* proto) {
  proto->set_id(artifact.id);
  proto->set_size_bytes(artifact.size_bytes);
}

// One upload. Messages are worked on one after another: the next is read when the last is on disk,
// so a fast client fills no memory. Deletes itself in OnDone().
class Upload final : public grpc::ServerReadReactor<v1::UploadArtifactRequest> {
 public:
  Upload(ArtifactStore& store, TaskPool& pool, const grpc::CallbackServerContext& call,
         v1::UploadArtifactResponse& response)
      : store_(store), pool_(pool), call_(call), response_(response) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    pool_.Post([this, ok] {
      if (ok) {
        const absl::Status status = Take();
        if (status.ok()) {
          StartRead(&request_);
        } else {
          Finish(ToGrpcStatus(status));
        }
      } else {
        Finish(ToGrpcStatus(End()));
      }
    });
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Take() {
    if (writer_ == nullptr) {
      if (!request_.has_header()) {
        return absl::InvalidArgumentError("the first message of an upload must be its header");
      }
      expected_id_ = request_.header().sha256();
      PATCHBAY_ASSIGN_OR_RETURN(writer_, store_.Begin(request_.header().size_bytes()));
      return absl::OkStatus();
    }
    const std::string& chunk = request_.chunk();
    if (chunk.empty() || chunk.size() > kMaxChunkBytes) {
      return absl::InvalidArgumentError(absl::StrCat("a part of an upload has ", chunk.size(),
                                                     " bytes; send 1 to ", kMaxChunkBytes));
    }
    return writer_->Append(chunk);
  }

  absl::Status End() {
    if (call_.IsCancelled()) return absl::CancelledError("the upload was broken off");
    if (writer_ == nullptr) return absl::InvalidArgumentError("the upload is empty");
    PATCHBAY_ASSIGN_OR_RETURN(const Artifact artifact, writer_->Finish(expected_id_));
    ArtifactToProto(artifact, response_.mutable_artifact());
    return absl::OkStatus();
  }

  ArtifactStore& store_;
  TaskPool& pool_;
  const grpc::CallbackServerContext& call_;
  v1::UploadArtifactResponse& response_;
  v1::UploadArtifactRequest request_;
  std::string expected_id_;
  std::unique_ptr<ArtifactWriter> writer_;
};

// One download: the next part is read when the last one is on its way. Deletes itself in OnDone().
class Download final : public grpc::ServerWriteReactor<v1::DownloadArtifactResponse> {
 public:
  Download(const ArtifactStore& store, TaskPool& pool, const v1::DownloadArtifactRequest& request)
      : store_(store), pool_(pool), id_(request.id()), offset_(request.offset()) {
    pool_.Post([this] {
      const absl::Status status = Open();
      if (!status.ok()) return Finish(ToGrpcStatus(status));
      StartWrite(&response_);
    });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the receiver has gone"));
    pool_.Post([this] { SendNext(); });
  }

  void OnDone() override { delete this; }

 private:
  absl::Status Open() {
    PATCHBAY_ASSIGN_OR_RETURN(const Artifact artifact, store_.Find(id_));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string path, store_.PathOf(id_));
    auto file = MappedFile::Open(path);
    if (!file.ok()) {
      return absl::Status(file.status().code(), absl::StrCat("cannot read artifact ", id_));
    }
    file_ = *std::move(file);
    if (offset_ > artifact.size_bytes) {
      return absl::OutOfRangeError(absl::StrCat("the offset is ", offset_, "; the artifact has ",
                                                artifact.size_bytes, " bytes"));
    }
    ArtifactToProto(artifact, response_.mutable_artifact());
    return absl::OkStatus();
  }

  void SendNext() {
    const absl::Span<const std::byte> part = file_->bytes().subspan(offset_, kChunkBytes);
    if (part.empty()) return Finish(grpc::Status::OK);
    response_.set_chunk(part.data(), part.size());
    offset_ += part.size();
    StartWrite(&response_);
  }

  const ArtifactStore& store_;
  TaskPool& pool_;
  const std::string id_;
  uint64_t offset_;
  std::shared_ptr<const MappedFile> file_;
  v1::DownloadArtifactResponse response_;
};

}  // namespace

grpc::ServerReadReactor<v1::UploadArtifactRequest>* ArtifactService::UploadArtifact(
    grpc::CallbackServerContext* call, v1::UploadArtifactResponse* response) {
  return new Upload(store_, pool_, *call, *response);
}

grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* ArtifactService::DownloadArtifact(
    grpc::CallbackServerContext*, const v1::DownloadArtifactRequest* request) {
  return new Download(store_, pool_, *request);
}

grpc::ServerUnaryReactor* ArtifactService::GetArtifact(grpc::CallbackServerContext* call,
                                                       const v1::GetArtifactRequest* request,
                                                       v1::GetArtifactResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const Artifact artifact, store_.Find(request->id()));
    ArtifactToProto(artifact, response->mutable_artifact());
    return absl::OkStatus();
  });
}

}  // namespace patchbay
