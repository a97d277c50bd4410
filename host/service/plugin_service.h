#ifndef PATCHBAY_HOST_SERVICE_PLUGIN_SERVICE_H_
#define PATCHBAY_HOST_SERVICE_PLUGIN_SERVICE_H_

#include <functional>

#include "host/engine/jobs/plugin_administration.h"
#include "host/service/access_control.h"
#include "host/service/backend.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/plugin_service.grpc.pb.h"

namespace patchbay {

// patchbay.v1.PluginService. What it is given must outlive it.
class PluginService final : public v1::PluginService::CallbackService {
 public:
  // slow_pool: for calls that may take seconds.
  PluginService(const Backend& backend, const AccessControl& access, TaskPool& pool,
                TaskPool& slow_pool)
      : backend_(backend), access_(access), pool_(pool), slow_pool_(slow_pool) {}

  grpc::ServerUnaryReactor* ListPlugins(grpc::CallbackServerContext* call,
                                        const v1::ListPluginsRequest* request,
                                        v1::ListPluginsResponse* response) override;
  grpc::ServerUnaryReactor* GetPluginSchema(grpc::CallbackServerContext* call,
                                            const v1::GetPluginSchemaRequest* request,
                                            v1::GetPluginSchemaResponse* response) override;
  grpc::ServerUnaryReactor* InstallPlugin(grpc::CallbackServerContext* call,
                                          const v1::InstallPluginRequest* request,
                                          v1::InstallPluginResponse* response) override;
  grpc::ServerUnaryReactor* ActivatePlugin(grpc::CallbackServerContext* call,
                                           const v1::ActivatePluginRequest* request,
                                           v1::ActivatePluginResponse* response) override;
  grpc::ServerUnaryReactor* RollBackPlugin(grpc::CallbackServerContext* call,
                                           const v1::RollBackPluginRequest* request,
                                           v1::RollBackPluginResponse* response) override;
  grpc::ServerUnaryReactor* RetirePlugin(grpc::CallbackServerContext* call,
                                         const v1::RetirePluginRequest* request,
                                         v1::RetirePluginResponse* response) override;
  grpc::ServerUnaryReactor* OrderPlugins(grpc::CallbackServerContext* call,
                                         const v1::OrderPluginsRequest* request,
                                         v1::OrderPluginsResponse* response) override;
  grpc::ServerUnaryReactor* PlanChain(grpc::CallbackServerContext* call,
                                      const v1::PlanChainRequest* request,
                                      v1::PlanChainResponse* response) override;
  grpc::ServerUnaryReactor* StartPluginAction(grpc::CallbackServerContext* call,
                                              const v1::StartPluginActionRequest* request,
                                              v1::StartPluginActionResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchPluginActionResponse>* WatchPluginAction(
      grpc::CallbackServerContext* call, const v1::WatchPluginActionRequest* request) override;
  grpc::ServerUnaryReactor* CancelPluginAction(grpc::CallbackServerContext* call,
                                               const v1::CancelPluginActionRequest* request,
                                               v1::CancelPluginActionResponse* response) override;

 private:
  // Answers an administrator's change with the plugin as it is then.
  template <typename Response>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* call, Response* response,
                                   std::function<absl::StatusOr<PluginStatus>()> change);

  const Backend& backend_;
  const AccessControl& access_;
  TaskPool& pool_;
  TaskPool& slow_pool_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_PLUGIN_SERVICE_H_
