#include "host/service/model_service.h"

#include <string>
#include <vector>

#include "host/base/status_macros.h"
#include "host/engine/engine.h"
#include "host/engine/jobs/error_reason.h"
#include "host/service/unary_call.h"

namespace patchbay {
namespace {

void ModelToProto(const ModelEntry& model, v1::Model* proto) {
  proto->set_name(model.name);
  proto->set_loaded(model.loaded);
  proto->set_is_default(model.is_default);
  proto->set_size_bytes(model.size_bytes);
}

absl::Status Describe(const ModelRegistry& models, const std::string& name,
                      v1::InspectModelResponse& response) {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, models.Find(name));
  ModelToProto(model, response.mutable_model());
  auto text = DescribeModel(model.path, /*json=*/false);
  if (!text.ok()) return WithReason(text.status(), error_reason::kModelUnusable);
  PATCHBAY_ASSIGN_OR_RETURN(std::string json, DescribeModel(model.path, /*json=*/true));
  response.set_description(*std::move(text));
  response.set_description_json(std::move(json));
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* ModelService::ListModels(grpc::CallbackServerContext* call,
                                                   const v1::ListModelsRequest*,
                                                   v1::ListModelsResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const std::vector<ModelEntry> models, backend_.models->List());
    for (const ModelEntry& model : models) ModelToProto(model, response->add_models());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModelService::LoadModel(grpc::CallbackServerContext* call,
                                                  const v1::LoadModelRequest* request,
                                                  v1::LoadModelResponse* response) {
  return AnswerOn(slow_pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(*call));
    PATCHBAY_RETURN_IF_ERROR(backend_.models->Find(request->name()).status());
    PATCHBAY_RETURN_IF_ERROR(
        backend_.queue->RunBetweenJobs([&] { return backend_.executor->WarmUp(request->name()); }));
    PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, backend_.models->Find(request->name()));
    ModelToProto(model, response->mutable_model());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModelService::UnloadModel(grpc::CallbackServerContext* call,
                                                    const v1::UnloadModelRequest* request,
                                                    v1::UnloadModelResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(*call));
    PATCHBAY_RETURN_IF_ERROR(backend_.models->Unload(request->name()));
    PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, backend_.models->Find(request->name()));
    ModelToProto(model, response->mutable_model());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* ModelService::InspectModel(grpc::CallbackServerContext* call,
                                                     const v1::InspectModelRequest* request,
                                                     v1::InspectModelResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    return Describe(*backend_.models, request->name(), *response);
  });
}

}  // namespace patchbay
