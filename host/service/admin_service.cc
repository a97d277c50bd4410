#include "host/service/admin_service.h"

#include "host/base/status_macros.h"
#include "host/service/unary_call.h"

namespace patchbay {

v1::ServerStatus AdminService::Status() const {
  const JobQueueStatus queue = queue_.status();
  v1::ServerStatus status;
  status.set_version(PATCHBAY_VERSION);
  status.mutable_uptime()->set_seconds(absl::ToInt64Seconds(absl::Now() - start_));
  status.set_draining(queue.draining);
  status.set_queued(queue.queued);
  status.set_queue_capacity(queue.capacity);
  status.set_running(queue.running);
  status.set_succeeded(queue.succeeded);
  status.set_failed(queue.failed);
  status.set_cancelled(queue.cancelled);
  return status;
}

absl::Status AdminService::SetDraining(const grpc::CallbackServerContext& call, bool draining) {
  PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(call));
  queue_.SetDraining(draining);
  set_serving_(!draining);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* AdminService::GetServerStatus(grpc::CallbackServerContext* call,
                                                        const v1::GetServerStatusRequest*,
                                                        v1::GetServerStatusResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(*call));
    *response->mutable_status() = Status();
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::DrainServer(grpc::CallbackServerContext* call,
                                                    const v1::DrainServerRequest*,
                                                    v1::DrainServerResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(SetDraining(*call, true));
    *response->mutable_status() = Status();
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AdminService::ResumeServer(grpc::CallbackServerContext* call,
                                                     const v1::ResumeServerRequest*,
                                                     v1::ResumeServerResponse* response) {
  return AnswerOn(pool_, call, [=, this]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(SetDraining(*call, false));
    *response->mutable_status() = Status();
    return absl::OkStatus();
  });
}

}  // namespace patchbay
