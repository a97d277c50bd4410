#ifndef PATCHBAY_HOST_SERVICE_ADMIN_SERVICE_H_
#define PATCHBAY_HOST_SERVICE_ADMIN_SERVICE_H_

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "host/engine/jobs/job_queue.h"
#include "host/service/access_control.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/admin_service.grpc.pb.h"

namespace patchbay {

// patchbay.v1.AdminService. What it is given must outlive it.
class AdminService final : public v1::AdminService::CallbackService {
 public:
  // set_serving: tells the health service.
  AdminService(JobQueue& queue, const AccessControl& access, TaskPool& pool,
               std::function<void(bool)> set_serving)
      : queue_(queue), access_(access), pool_(pool), set_serving_(std::move(set_serving)) {}

  grpc::ServerUnaryReactor* GetServerStatus(grpc::CallbackServerContext* call,
                                            const v1::GetServerStatusRequest* request,
                                            v1::GetServerStatusResponse* response) override;
  grpc::ServerUnaryReactor* DrainServer(grpc::CallbackServerContext* call,
                                        const v1::DrainServerRequest* request,
                                        v1::DrainServerResponse* response) override;
  grpc::ServerUnaryReactor* ResumeServer(grpc::CallbackServerContext* call,
                                         const v1::ResumeServerRequest* request,
                                         v1::ResumeServerResponse* response) override;

 private:
  v1::ServerStatus Status() const;
  absl::Status SetDraining(const grpc::CallbackServerContext& call, bool draining);

  JobQueue& queue_;
  const AccessControl& access_;
  TaskPool& pool_;
  const std::function<void(bool)> set_serving_;
  const absl::Time start_ = absl::Now();
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_ADMIN_SERVICE_H_
