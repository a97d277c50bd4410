#include "host/service/plugin_client.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/service/call_canceller.h"
#include "host/service/client_channel.h"
#include "host/service/error_conversion.h"
#include "host/service/plugin_conversion.h"
#include "host/service/settings_conversion.h"
#include "patchbay/v1/plugin_service.grpc.pb.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// Building, probing and loading may take a while; a plan may have to wait for a generation.
constexpr absl::Duration kSlowCall = absl::Minutes(10);
constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr absl::Duration kRetryInterval = absl::Milliseconds(500);

// The library's name as the manifest gives it; the server checks all the rest.
absl::StatusOr<std::string> LibraryOf(const std::string& manifest) {
  std::ifstream file(manifest, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        "there is no ", manifest, "; name the folder that the plugin's build has written"));
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("library") || !json["library"].is_string()) {
    return absl::InvalidArgumentError(absl::StrCat(manifest, " names no library"));
  }
  return json["library"].get<std::string>();
}

class GrpcPluginClient final : public PluginClient {
 public:
  GrpcPluginClient(ClientChannel channel, std::unique_ptr<Client> files)
      : channel_(std::move(channel)),
        files_(std::move(files)),
        plugins_(v1::PluginService::NewStub(channel_.channel())) {}

  absl::StatusOr<std::vector<PluginStatus>> List() override {
    v1::ListPluginsResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(plugins_->ListPlugins(&call, v1::ListPluginsRequest(), &response)));
    std::vector<PluginStatus> list;
    for (const v1::Plugin& plugin : response.plugins()) list.push_back(PluginFromProto(plugin));
    return list;
  }

  absl::StatusOr<PluginStatus> Show(const std::string& id) override {
    v1::GetPluginSchemaRequest request;
    request.set_plugin_id(id);
    v1::GetPluginSchemaResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(plugins_->GetPluginSchema(&call, request, &response)));
    return SchemaFromProto(response);
  }

  absl::StatusOr<PluginStatus> Install(const std::string& folder) override {
    const std::string manifest = (fs::path(folder) / "plugin.json").string();
    PATCHBAY_ASSIGN_OR_RETURN(const std::string library, LibraryOf(manifest));
    v1::InstallPluginRequest request;
    PATCHBAY_ASSIGN_OR_RETURN(const std::string manifest_id, files_->Upload(manifest));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string library_id,
                              files_->Upload((fs::path(folder) / library).string()));
    request.set_manifest_artifact_id(manifest_id);
    request.set_library_artifact_id(library_id);
    return Change<v1::InstallPluginResponse>(&v1::PluginService::Stub::InstallPlugin, request);
  }

  absl::StatusOr<PluginStatus> Activate(const std::string& id, const std::string& build,
                                        const SettingPairs& settings) override {
    v1::ActivatePluginRequest request;
    request.set_plugin_id(id);
    request.set_build(build);
    SettingsToParameters(settings, request.mutable_settings());
    return Change<v1::ActivatePluginResponse>(&v1::PluginService::Stub::ActivatePlugin, request);
  }

  absl::StatusOr<PluginStatus> RollBack(const std::string& id) override {
    v1::RollBackPluginRequest request;
    request.set_plugin_id(id);
    return Change<v1::RollBackPluginResponse>(&v1::PluginService::Stub::RollBackPlugin, request);
  }

  absl::StatusOr<PluginStatus> Retire(const std::string& id) override {
    v1::RetirePluginRequest request;
    request.set_plugin_id(id);
    return Change<v1::RetirePluginResponse>(&v1::PluginService::Stub::RetirePlugin, request);
  }

  absl::StatusOr<std::vector<PluginStatus>> SetOrder(const std::vector<std::string>& ids) override {
    v1::OrderPluginsRequest request;
    request.mutable_plugin_ids()->Assign(ids.begin(), ids.end());
    v1::OrderPluginsResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(plugins_->OrderPlugins(&call, request, &response)));
    std::vector<PluginStatus> active;
    for (const v1::Plugin& plugin : response.plugins()) active.push_back(PluginFromProto(plugin));
    return active;
  }

  absl::StatusOr<ActionRun> RunAction(const ActionRequest& wanted,
                                      const std::function<void(const ActionRun&)>& on_change,
                                      const std::function<bool()>& is_interrupted) override {
    PATCHBAY_ASSIGN_OR_RETURN(ActionRun run, Start(wanted));
    on_change(run);
    ActionWatch watch{run, on_change, is_interrupted, /*was_cancelled=*/false};
    absl::Time give_up = absl::Now() + kPatience;
    while (!IsFinal(watch.run.state)) {
      const double fraction = watch.run.fraction;
      const absl::Status status = WatchOnce(watch);
      if (IsFinal(watch.run.state)) break;
      if (watch.run.fraction > fraction) give_up = absl::Now() + kPatience;
      const bool broken = absl::IsUnavailable(status) || absl::IsCancelled(status);
      if (!broken || absl::Now() > give_up) return status;
      if (is_interrupted() && !watch.was_cancelled) {
        // A server that cannot be told does not answer the watch either.
        watch.was_cancelled = Cancel(watch.run.id).ok();
      } else {
        absl::SleepFor(kRetryInterval);
      }
    }
    return watch.run;
  }

  absl::StatusOr<std::string> Upload(const std::string& path) override {
    return files_->Upload(path);
  }

  absl::StatusOr<std::string> Download(const ActionResult& result) override {
    return files_->Download(result.artifact_id);
  }

  absl::StatusOr<ChainPlan> Plan(const JobRequest& wanted) override {
    v1::PlanChainRequest request;
    *request.mutable_settings() = SettingsToProto(wanted);
    v1::PlanChainResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call, kSlowCall);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus(plugins_->PlanChain(&call, request, &response)));
    ChainPlan plan = ChainFromProto(response.chain());
    plan.warnings.assign(response.warnings().begin(), response.warnings().end());
    return plan;
  }

 private:
  struct ActionWatch {
    ActionRun run;
    const std::function<void(const ActionRun&)>& on_change;
    const std::function<bool()>& is_interrupted;
    bool was_cancelled;
  };

  absl::StatusOr<ActionRun> Start(const ActionRequest& wanted) {
    v1::StartPluginActionRequest request;
    request.set_plugin_id(wanted.plugin);
    request.set_action_id(wanted.action);
    request.set_model(wanted.model);
    request.set_request_id(wanted.request_id);
    SettingsToParameters(wanted.settings, request.mutable_settings());
    FilesToProto(wanted.plugin_files, request.mutable_plugin_files());
    v1::StartPluginActionResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    PATCHBAY_RETURN_IF_ERROR(
        FromGrpcStatus(plugins_->StartPluginAction(&call, request, &response)));
    return ActionRunFromProto(response.run());
  }

  absl::Status Cancel(const std::string& run_id) {
    v1::CancelPluginActionRequest request;
    request.set_run_id(run_id);
    v1::CancelPluginActionResponse response;
    grpc::ClientContext call;
    channel_.Prepare(call);
    return FromGrpcStatus(plugins_->CancelPluginAction(&call, request, &response));
  }

  // Follows the run until it ends, the connection breaks, or the user interrupts for the first
  // time.
  absl::Status WatchOnce(ActionWatch& watch) {
    v1::WatchPluginActionRequest request;
    request.set_run_id(watch.run.id);
    grpc::ClientContext call;
    channel_.Prepare(call, absl::InfiniteDuration());
    const std::function<bool()> wants_end = [&watch] {
      return !watch.was_cancelled && watch.is_interrupted();
    };
    const CallCanceller canceller(call, wants_end);
    const auto reader = plugins_->WatchPluginAction(&call, request);
    v1::WatchPluginActionResponse response;
    while (reader->Read(&response)) {
      watch.run = ActionRunFromProto(response.run());
      watch.on_change(watch.run);
    }
    return FromGrpcStatus(reader->Finish());
  }

  template <typename Response, typename Request>
  absl::StatusOr<PluginStatus> Change(grpc::Status (v1::PluginService::Stub::*method)(
                                          grpc::ClientContext*, const Request&, Response*),
                                      const Request& request) {
    Response response;
    grpc::ClientContext call;
    channel_.Prepare(call, kSlowCall);
    PATCHBAY_RETURN_IF_ERROR(FromGrpcStatus((plugins_.get()->*method)(&call, request, &response)));
    return PluginFromProto(response.plugin());
  }

  const ClientChannel channel_;
  const std::unique_ptr<Client> files_;
  const std::unique_ptr<v1::PluginService::Stub> plugins_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PluginClient>> PluginClient::Make(const ClientOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(ClientChannel channel, ClientChannel::Make(options));
  PATCHBAY_ASSIGN_OR_RETURN(std::unique_ptr<Client> files, Client::Make(options));
  return std::make_unique<GrpcPluginClient>(std::move(channel), std::move(files));
}

}  // namespace patchbay
