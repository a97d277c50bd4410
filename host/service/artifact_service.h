#ifndef PATCHBAY_HOST_SERVICE_ARTIFACT_SERVICE_H_
#define PATCHBAY_HOST_SERVICE_ARTIFACT_SERVICE_H_

#include "host/engine/jobs/artifact_store.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/artifact_service.grpc.pb.h"

namespace patchbay {

// patchbay.v1.ArtifactService over the store. The store and the pool must outlive it.
class ArtifactService final : public v1::ArtifactService::CallbackService {
 public:
  ArtifactService(ArtifactStore& store, TaskPool& pool) : store_(store), pool_(pool) {}

  grpc::ServerReadReactor<v1::UploadArtifactRequest>* UploadArtifact(
      grpc::CallbackServerContext* call, v1::UploadArtifactResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* DownloadArtifact(
      grpc::CallbackServerContext* call, const v1::DownloadArtifactRequest* request) override;
  grpc::ServerUnaryReactor* GetArtifact(grpc::CallbackServerContext* call,
                                        const v1::GetArtifactRequest* request,
                                        v1::GetArtifactResponse* response) override;

 private:
  ArtifactStore& store_;
  TaskPool& pool_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_ARTIFACT_SERVICE_H_
