#include "bridges/common/host_session.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"
#include "patchbay/v1/artifact_service.grpc.pb.h"
#include "patchbay/v1/generation_service.grpc.pb.h"
#include "patchbay/v1/model_service.grpc.pb.h"
#include "patchbay/v1/plugin_service.grpc.pb.h"

namespace patchbay {
namespace {

constexpr size_t kChunkBytes = 256 << 10;
constexpr size_t kMaxDownloadBytes = size_t{1} << 30;
constexpr std::chrono::milliseconds kRetryDelay(500);
constexpr int kMaxRetries = 120;

// The longest wait between two tries to connect: a host that was started again is found at once.
constexpr int kMostReconnectMilliseconds = 1000;

// Of a call that found nobody, or whose connection was lost; else UNAVAILABLE is the host's word.
bool IsConnectionLost(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const std::string& authority_file) {
  if (authority_file.empty()) return grpc::InsecureChannelCredentials();
  std::ifstream file(authority_file);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file.is_open() || text.str().empty()) {
    return absl::NotFoundError(absl::StrCat("the file ", authority_file, " cannot be read"));
  }
  return grpc::SslCredentials(
      {.pem_root_certs = text.str(), .pem_private_key = "", .pem_cert_chain = ""});
}

// Calls that are under way, so that they can be ended.
class Calls {
 public:
  void Add(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    contexts_.insert(context);
    if (ended_) context->TryCancel();
  }
  void Remove(grpc::ClientContext* context) {
    const std::lock_guard lock(mutex_);
    contexts_.erase(context);
  }
  void End() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for (grpc::ClientContext* context : contexts_) context->TryCancel();
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  std::mutex mutex_;
  bool ended_ = false;
  std::set<grpc::ClientContext*> contexts_;
};

struct Call {
  Call(Calls& all, const std::string& token) : calls(all) {
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    calls.Add(&context);
  }
  ~Call() { calls.Remove(&context); }
  grpc::ClientContext context;
  Calls& calls;
};

class GrpcSession final : public HostSession {
 public:
  GrpcSession(const HostSessionOptions& options, const std::shared_ptr<grpc::Channel>& channel)
      : options_(options),
        generations_(v1::GenerationService::NewStub(channel)),
        artifacts_(v1::ArtifactService::NewStub(channel)),
        models_(v1::ModelService::NewStub(channel)),
        plugins_(v1::PluginService::NewStub(channel)) {}

  absl::StatusOr<v1::Generation> Generate(const v1::CreateAndWatchGenerationRequest& request,
                                          const OnEvent& on_event) override {
    Watched watched;
    absl::Status status;
    {
      Call call(calls_, options_.administrator_token);
      const auto reader = generations_->CreateAndWatchGeneration(&call.context, request);
      status = Follow<v1::CreateAndWatchGenerationResponse>(*reader, on_event, watched);
    }
    for (int retry = 0; retry < kMaxRetries && !watched.ended && !watched.id.empty() &&
                        status.code() == absl::StatusCode::kUnavailable && !calls_.ended();
         ++retry) {
      std::this_thread::sleep_for(kRetryDelay);
      Call call(calls_, options_.administrator_token);
      v1::WatchGenerationRequest again;
      again.set_id(watched.id);
      again.set_after_sequence(watched.sequence);
      again.set_previews(request.previews());
      const auto reader = generations_->WatchGeneration(&call.context, again);
      status = Follow<v1::WatchGenerationResponse>(*reader, on_event, watched);
    }
    if (watched.ended) return std::move(watched.last);
    if (!status.ok()) return status;
    return absl::UnavailableError("the server ended the stream before the generation was finished");
  }

  absl::Status CancelGeneration(const std::string& id) override {
    v1::CancelGenerationRequest request;
    request.set_id(id);
    v1::CancelGenerationResponse response;
    return Answer(generations_.get(), &v1::GenerationService::Stub::CancelGeneration, request,
                  response);
  }

  absl::StatusOr<std::string> Upload(std::string_view bytes) override {
    if (bytes.empty()) return absl::InvalidArgumentError("the file is empty");
    Call call(calls_, options_.administrator_token);
    v1::UploadArtifactResponse response;
    const auto writer = artifacts_->UploadArtifact(&call.context, &response);
    v1::UploadArtifactRequest part;
    part.mutable_header()->set_size_bytes(bytes.size());
    bool open = writer->Write(part);
    for (size_t start = 0; start < bytes.size() && open; start += kChunkBytes) {
      part.set_chunk(std::string(bytes.substr(start, kChunkBytes)));
      open = writer->Write(part);
    }
    writer->WritesDone();
    BRIDGE_RETURN_IF_ERROR(StatusOf(writer->Finish()));
    return response.artifact().id();
  }

  absl::StatusOr<std::string> Download(const std::string& id) override {
    Call call(calls_, options_.administrator_token);
    v1::DownloadArtifactRequest request;
    request.set_id(id);
    const auto reader = artifacts_->DownloadArtifact(&call.context, request);
    std::string bytes;
    v1::DownloadArtifactResponse response;
    while (reader->Read(&response)) {
      bytes += response.chunk();
      if (bytes.size() > kMaxDownloadBytes) {
        call.context.TryCancel();
        return absl::ResourceExhaustedError(absl::StrCat("the file ", id, " is too large"));
      }
    }
    BRIDGE_RETURN_IF_ERROR(StatusOf(reader->Finish()));
    return bytes;
  }

  absl::StatusOr<std::vector<v1::Model>> ListModels() override {
    v1::ListModelsResponse response;
    BRIDGE_RETURN_IF_ERROR(Answer(models_.get(), &v1::ModelService::Stub::ListModels,
                                  v1::ListModelsRequest(), response));
    return std::vector<v1::Model>(response.models().begin(), response.models().end());
  }

  absl::StatusOr<Json> InspectModel(const std::string& name) override {
    v1::InspectModelRequest request;
    request.set_name(name);
    if (name.empty()) {
      BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Model> models, ListModels());
      for (const v1::Model& model : models) {
        if (model.is_default()) request.set_name(model.name());
      }
    }
    v1::InspectModelResponse response;
    BRIDGE_RETURN_IF_ERROR(
        Answer(models_.get(), &v1::ModelService::Stub::InspectModel, request, response));
    Json description = Json::parse(response.description_json(), nullptr, false);
    if (!description.is_object()) {
      return absl::InternalError("the server's description of a model is no JSON object");
    }
    return description;
  }

  absl::Status LoadModel(const std::string& name) override {
    v1::LoadModelRequest request;
    request.set_name(name);
    v1::LoadModelResponse response;
    return Answer(models_.get(), &v1::ModelService::Stub::LoadModel, request, response,
                  std::chrono::minutes(30));
  }

  absl::Status UnloadModel(const std::string& name) override {
    v1::UnloadModelRequest request;
    request.set_name(name);
    v1::UnloadModelResponse response;
    return Answer(models_.get(), &v1::ModelService::Stub::UnloadModel, request, response);
  }

  absl::StatusOr<std::vector<v1::Plugin>> ListPluginBuilds() override {
    v1::ListPluginsResponse response;
    const absl::Status status = Answer(plugins_.get(), &v1::PluginService::Stub::ListPlugins,
                                       v1::ListPluginsRequest(), response);
    if (status.code() == absl::StatusCode::kUnimplemented) return std::vector<v1::Plugin>();
    BRIDGE_RETURN_IF_ERROR(status);
    return std::vector<v1::Plugin>(response.plugins().begin(), response.plugins().end());
  }

  // Schemas do not change while the list of builds is the same.
  absl::StatusOr<std::vector<PluginDescription>> ListPlugins() override {
    BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Plugin> builds, ListPluginBuilds());
    const std::string seen = TextOf(builds);
    {
      const std::lock_guard lock(described_mutex_);
      if (seen == described_builds_) return described_;
    }
    BRIDGE_ASSIGN_OR_RETURN(std::vector<PluginDescription> plugins, DescribePlugins(builds));
    // Something may have been swapped in the middle of it.
    BRIDGE_ASSIGN_OR_RETURN(const std::vector<v1::Plugin> again, ListPluginBuilds());
    const std::lock_guard lock(described_mutex_);
    described_ = plugins;
    described_builds_ = TextOf(again) == seen ? seen : "";
    return plugins;
  }

  absl::Status ActivatePlugin(const std::string& id, const std::string& build) override {
    v1::ActivatePluginRequest request;
    request.set_plugin_id(id);
    request.set_build(build);
    v1::ActivatePluginResponse response;
    return Answer(plugins_.get(), &v1::PluginService::Stub::ActivatePlugin, request, response);
  }

  absl::Status RollBackPlugin(const std::string& id) override {
    v1::RollBackPluginRequest request;
    request.set_plugin_id(id);
    v1::RollBackPluginResponse response;
    return Answer(plugins_.get(), &v1::PluginService::Stub::RollBackPlugin, request, response);
  }

  absl::Status RetirePlugin(const std::string& id) override {
    v1::RetirePluginRequest request;
    request.set_plugin_id(id);
    v1::RetirePluginResponse response;
    return Answer(plugins_.get(), &v1::PluginService::Stub::RetirePlugin, request, response);
  }

  absl::Status OrderPlugins(const std::vector<std::string>& ids) override {
    v1::OrderPluginsRequest request;
    request.mutable_plugin_ids()->Assign(ids.begin(), ids.end());
    v1::OrderPluginsResponse response;
    return Answer(plugins_.get(), &v1::PluginService::Stub::OrderPlugins, request, response);
  }

  void ShutDown() override { calls_.End(); }

 private:
  absl::Status StatusOf(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    if (IsConnectionLost(status)) {
      return absl::UnavailableError(
          absl::StrCat("the Patchbay host at ", options_.address,
                       " cannot be reached; is `patchbay serve` running?"));
    }
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

  struct Watched {
    std::string id;
    uint64_t sequence = 0;
    bool ended = false;
    v1::Generation last;
  };

  static std::string TextOf(const std::vector<v1::Plugin>& builds) {
    std::string text = "builds:";
    for (const v1::Plugin& build : builds) {
      absl::StrAppend(&text, build.ByteSizeLong(), "\n", build.SerializeAsString());
    }
    return text;
  }

  absl::StatusOr<std::vector<PluginDescription>> DescribePlugins(
      const std::vector<v1::Plugin>& builds) {
    std::set<std::string> ids;
    for (const v1::Plugin& build : builds) ids.insert(build.id());
    std::vector<PluginDescription> plugins;
    for (const std::string& id : ids) {
      v1::GetPluginSchemaRequest request;
      request.set_plugin_id(id);
      v1::GetPluginSchemaResponse response;
      const absl::Status status =
          Answer(plugins_.get(), &v1::PluginService::Stub::GetPluginSchema, request, response);
      // Taken out between the two calls.
      if (status.code() == absl::StatusCode::kNotFound) continue;
      BRIDGE_RETURN_IF_ERROR(status);
      plugins.push_back(
          {response.plugin(), {response.parameters().begin(), response.parameters().end()}});
    }
    return plugins;
  }

  template <typename Response, typename Reader>
  absl::Status Follow(Reader& reader, const OnEvent& on_event, Watched& watched) {
    Response response;
    while (reader.Read(&response)) {
      const v1::GenerationEvent& event = response.event();
      watched.sequence = std::max(watched.sequence, event.sequence());
      if (event.has_state_changed()) {
        watched.last = event.state_changed();
        watched.id = watched.last.id();
        watched.ended = watched.last.state() >= v1::GENERATION_STATE_SUCCEEDED;
      }
      on_event(event);
    }
    return StatusOf(reader.Finish());
  }

  template <typename Stub, typename Method, typename Request, typename Response>
  absl::Status Answer(Stub* stub, Method method, const Request& request, Response& response,
                      std::chrono::seconds deadline = std::chrono::seconds(0)) {
    Call call(calls_, options_.administrator_token);
    call.context.set_deadline(std::chrono::system_clock::now() +
                              (deadline.count() > 0 ? deadline : options_.deadline));
    return StatusOf((stub->*method)(&call.context, request, &response));
  }

  const HostSessionOptions options_;
  Calls calls_;
  std::mutex described_mutex_;
  std::string described_builds_;  // the builds that `described_` is of, as text; empty: of none
  std::vector<PluginDescription> described_;
  const std::unique_ptr<v1::GenerationService::Stub> generations_;
  const std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
  const std::unique_ptr<v1::ModelService::Stub> models_;
  const std::unique_ptr<v1::PluginService::Stub> plugins_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HostSession>> HostSession::Make(const HostSessionOptions& options) {
  BRIDGE_ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options.tls_authority_file));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMostReconnectMilliseconds / 4);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMostReconnectMilliseconds);
  return std::make_unique<GrpcSession>(
      options, grpc::CreateCustomChannel(options.address, credentials, arguments));
}

}  // namespace patchbay
