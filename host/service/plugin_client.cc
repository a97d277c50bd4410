#include "host/service/plugin_client.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
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
