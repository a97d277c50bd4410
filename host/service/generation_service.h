#ifndef PATCHBAY_HOST_SERVICE_GENERATION_SERVICE_H_
#define PATCHBAY_HOST_SERVICE_GENERATION_SERVICE_H_

#include "host/engine/jobs/job_queue.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/generation_service.grpc.pb.h"

namespace patchbay {

// patchbay.v1.GenerationService over the queue. The queue and the pool must outlive it.
class GenerationService final : public v1::GenerationService::CallbackService {
 public:
  GenerationService(JobQueue& queue, TaskPool& pool) : queue_(queue), pool_(pool) {}

  grpc::ServerUnaryReactor* CreateGeneration(grpc::CallbackServerContext* call,
                                             const v1::CreateGenerationRequest* request,
                                             v1::CreateGenerationResponse* response) override;
  grpc::ServerWriteReactor<v1::CreateAndWatchGenerationResponse>* CreateAndWatchGeneration(
      grpc::CallbackServerContext* call,
      const v1::CreateAndWatchGenerationRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchGenerationResponse>* WatchGeneration(
      grpc::CallbackServerContext* call, const v1::WatchGenerationRequest* request) override;
  grpc::ServerUnaryReactor* GetGeneration(grpc::CallbackServerContext* call,
                                          const v1::GetGenerationRequest* request,
                                          v1::GetGenerationResponse* response) override;
  grpc::ServerUnaryReactor* ListGenerations(grpc::CallbackServerContext* call,
                                            const v1::ListGenerationsRequest* request,
                                            v1::ListGenerationsResponse* response) override;
  grpc::ServerUnaryReactor* CancelGeneration(grpc::CallbackServerContext* call,
                                             const v1::CancelGenerationRequest* request,
                                             v1::CancelGenerationResponse* response) override;

 private:
  JobQueue& queue_;
  TaskPool& pool_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_GENERATION_SERVICE_H_
