#include "host/service/plugin_service.h"

#include <string>
#include <utility>
#include <vector>

#include "host/base/status_macros.h"
#include "host/service/action_stream.h"
#include "host/service/plugin_conversion.h"
#include "host/service/settings_conversion.h"
#include "host/service/unary_call.h"

namespace patchbay {

template <typename Response>
grpc::ServerUnaryReactor* PluginService::Change(
    grpc::CallbackServerContext* call, Response* response,
    std::function<absl::StatusOr<PluginStatus>()> change) {
  return AnswerOn(slow_pool_, call,
                  [this, call, response, change = std::move(change)]() -> absl::Status {
                    if (absl::Status status = access_.CheckAdministrator(*call); !status.ok()) {
                      return status;
                    }
                    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin, change());
                    *response->mutable_plugin() = PluginToProto(plugin);
                    return absl::OkStatus();
                  });
}

grpc::ServerUnaryReactor* PluginService::ListPlugins(grpc::CallbackServerContext* call,
                                                     const v1::ListPluginsRequest*,
                                                     v1::ListPluginsResponse* response) {
  return AnswerOn(pool_, call, [this, response]() -> absl::Status {
    for (const PluginStatus& plugin : backend_.plugins->List()) {
      *response->add_plugins() = PluginToProto(plugin);
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PluginService::GetPluginSchema(grpc::CallbackServerContext* call,
                                                         const v1::GetPluginSchemaRequest* request,
                                                         v1::GetPluginSchemaResponse* response) {
  return AnswerOn(pool_, call, [this, request, response]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const PluginStatus plugin,
                              backend_.plugins->Find(request->plugin_id(), request->build()));
    *response = SchemaToProto(plugin);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PluginService::InstallPlugin(grpc::CallbackServerContext* call,
                                                       const v1::InstallPluginRequest* request,
                                                       v1::InstallPluginResponse* response) {
  return Change(call, response, [this, request] {
    return backend_.plugins->Install(request->manifest_artifact_id(),
                                     request->library_artifact_id(), request->request_id());
  });
}

grpc::ServerUnaryReactor* PluginService::ActivatePlugin(grpc::CallbackServerContext* call,
                                                        const v1::ActivatePluginRequest* request,
                                                        v1::ActivatePluginResponse* response) {
  return Change(call, response, [this, request]() -> absl::StatusOr<PluginStatus> {
    PATCHBAY_ASSIGN_OR_RETURN(const SettingPairs settings,
                              SettingsFromParameters("settings", request->settings()));
    return backend_.plugins->Activate(request->plugin_id(), request->build(), settings,
                                      request->request_id());
  });
}

grpc::ServerUnaryReactor* PluginService::RollBackPlugin(grpc::CallbackServerContext* call,
                                                        const v1::RollBackPluginRequest* request,
                                                        v1::RollBackPluginResponse* response) {
  return Change(call, response, [this, request] {
    return backend_.plugins->RollBack(request->plugin_id(), request->request_id());
  });
}

grpc::ServerUnaryReactor* PluginService::RetirePlugin(grpc::CallbackServerContext* call,
                                                      const v1::RetirePluginRequest* request,
                                                      v1::RetirePluginResponse* response) {
  return Change(call, response, [this, request] {
    return backend_.plugins->Retire(request->plugin_id(), request->request_id());
  });
}

grpc::ServerUnaryReactor* PluginService::OrderPlugins(grpc::CallbackServerContext* call,
                                                      const v1::OrderPluginsRequest* request,
                                                      v1::OrderPluginsResponse* response) {
  return AnswerOn(slow_pool_, call, [this, call, request, response]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(*call));
    PATCHBAY_ASSIGN_OR_RETURN(
        const std::vector<PluginStatus> active,
        backend_.plugins->SetOrder({request->plugin_ids().begin(), request->plugin_ids().end()}));
    for (const PluginStatus& plugin : active) *response->add_plugins() = PluginToProto(plugin);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PluginService::StartPluginAction(
    grpc::CallbackServerContext* call, const v1::StartPluginActionRequest* request,
    v1::StartPluginActionResponse* response) {
  return AnswerOn(pool_, call, [this, call, request, response]() -> absl::Status {
    PATCHBAY_RETURN_IF_ERROR(access_.CheckAdministrator(*call));
    std::vector<NamedArtifact> files = FilesFromProto(request->plugin_files());
    PATCHBAY_ASSIGN_OR_RETURN(SettingPairs settings,
                              SettingsFromParameters("settings", request->settings(), &files));
    PATCHBAY_ASSIGN_OR_RETURN(
        const ActionRun run,
        backend_.actions->Start({request->plugin_id(), request->action_id(), request->model(),
                                 std::move(settings), std::move(files), request->request_id()}));
    *response->mutable_run() = ActionRunToProto(run);
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::WatchPluginActionResponse>* PluginService::WatchPluginAction(
    grpc::CallbackServerContext*, const v1::WatchPluginActionRequest* request) {
  return ActionStream::Open(pool_, *backend_.actions, request->run_id());
}

grpc::ServerUnaryReactor* PluginService::CancelPluginAction(
    grpc::CallbackServerContext* call, const v1::CancelPluginActionRequest* request,
    v1::CancelPluginActionResponse* response) {
  return AnswerOn(pool_, call, [this, request, response]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const ActionRun run, backend_.actions->Cancel(request->run_id()));
    *response->mutable_run() = ActionRunToProto(run);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* PluginService::PlanChain(grpc::CallbackServerContext* call,
                                                   const v1::PlanChainRequest* request,
                                                   v1::PlanChainResponse* response) {
  return AnswerOn(slow_pool_, call, [this, request, response]() -> absl::Status {
    PATCHBAY_ASSIGN_OR_RETURN(const JobRequest wanted, SettingsFromProto(request->settings()));
    ChainPlan plan;
    PATCHBAY_RETURN_IF_ERROR(backend_.queue->RunBetweenJobs([&]() -> absl::Status {
      PATCHBAY_ASSIGN_OR_RETURN(plan, backend_.executor->Plan(wanted));
      return absl::OkStatus();
    }));
    *response->mutable_chain() = ChainToProto(plan);
    for (const std::string& warning : plan.warnings) response->add_warnings(warning);
    return absl::OkStatus();
  });
}

}  // namespace patchbay
