#ifndef PATCHBAY_HOST_SERVICE_MODEL_SERVICE_H_
#define PATCHBAY_HOST_SERVICE_MODEL_SERVICE_H_

#include "host/service/access_control.h"
#include "host/service/backend.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/model_service.grpc.pb.h"

namespace patchbay {

// patchbay.v1.ModelService over the registry. Loading happens between two jobs; `slow_pool` waits
// for it, so that nothing else does. What it is given must outlive it.
class ModelService final : public v1::ModelService::CallbackService {
 public:
  ModelService(const Backend& backend, const AccessControl& access, TaskPool& pool,
               TaskPool& slow_pool)
      : backend_(backend), access_(access), pool_(pool), slow_pool_(slow_pool) {}

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* call,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext* call,
                                      const v1::LoadModelRequest* request,
                                      v1::LoadModelResponse* response) override;
  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext* call,
                                        const v1::UnloadModelRequest* request,
                                        v1::UnloadModelResponse* response) override;
  grpc::ServerUnaryReactor* InspectModel(grpc::CallbackServerContext* call,
                                         const v1::InspectModelRequest* request,
                                         v1::InspectModelResponse* response) override;

 private:
  const Backend backend_;
  const AccessControl& access_;
  TaskPool& pool_;
  TaskPool& slow_pool_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_MODEL_SERVICE_H_
