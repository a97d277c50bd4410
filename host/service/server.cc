#include "host/service/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/service/access_control.h"
#include "host/service/admin_service.h"
#include "host/service/artifact_service.h"
#include "host/service/generation_service.h"
#include "host/service/metrics.h"
#include "host/service/model_service.h"
#include "host/service/plugin_service.h"
#include "host/service/secret_file.h"
#include "host/service/task_pool.h"

namespace patchbay {
namespace {

constexpr int kPoolThreads = 4;
constexpr int kSlowPoolThreads = 2;
constexpr int kMinPingSeconds = 30;
// For calls that are under way when everything else has ended.
constexpr absl::Duration kLastCalls = absl::Seconds(1);

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  if (path.empty()) return std::string();
  return ReadTokenFile("--admin-token-file", path);
}

absl::Status CheckOptions(const ServerOptions& options) {
  const bool tls = !options.tls_certificate_file.empty();
  if (tls != !options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key belong together");
  }
  if (!tls && !options.tls_client_authority_file.empty()) {
    return absl::InvalidArgumentError("--tls-client-ca needs --tls-cert and --tls-key");
  }
  if (!tls && !options.insecure && !IsLocalAddress(options.address)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.address,
                     " can be reached from other machines; protect it with --tls-cert and "
                     "--tls-key, or say --insecure to let everybody in"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(
    const ServerOptions& options) {
  if (options.tls_certificate_file.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(options.tls_client_authority_file.empty()
                                            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                            : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  PATCHBAY_ASSIGN_OR_RETURN(pair.private_key, ReadSecretFile("--tls-key", options.tls_key_file));
  PATCHBAY_ASSIGN_OR_RETURN(pair.cert_chain,
                            ReadSecretFile("--tls-cert", options.tls_certificate_file));
  tls.pem_key_cert_pairs.push_back(std::move(pair));
  if (!options.tls_client_authority_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(tls.pem_root_certs,
                              ReadSecretFile("--tls-client-ca", options.tls_client_authority_file));
  }
  return grpc::SslServerCredentials(tls);
}

class GrpcServer final : public Server {
 public:
  GrpcServer(const Backend& backend, std::string token, bool client_certificates)
      : backend_(backend),
        access_(std::move(token), client_certificates),
        generations_(*backend.queue, pool_),
        artifacts_(*backend.artifacts, pool_),
        models_(backend, access_, pool_, slow_pool_),
        plugins_(backend_, access_, pool_, slow_pool_),
        admin_(*backend.queue, access_, pool_, [this](bool serving) { SetServing(serving); }) {}

  ~GrpcServer() override {
    if (server_ == nullptr) return;
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
    server_->Wait();
  }

  absl::Status Listen(const ServerOptions& options) {
    PATCHBAY_ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options));
    grpc::EnableDefaultHealthCheckService(true);
    if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options.address, credentials, &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kMinPingSeconds * 1000);
    for (grpc::Service* service :
         {static_cast<grpc::Service*>(&generations_), static_cast<grpc::Service*>(&artifacts_),
          static_cast<grpc::Service*>(&models_), static_cast<grpc::Service*>(&plugins_),
          static_cast<grpc::Service*>(&admin_)}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen at ", options.address,
                       "; the address is in use or the certificate cannot be used"));
    }
    address_ = options.address;
    const size_t colon = address_.rfind(':');
    if (address_.rfind("unix:", 0) != 0 && colon != std::string::npos) {
      address_ = absl::StrCat(address_.substr(0, colon), ":", port);
    }
    SetServing(true);
    if (options.metrics_address.empty()) return absl::OkStatus();
    PATCHBAY_ASSIGN_OR_RETURN(metrics_, MetricsServer::Start(options.metrics_address, backend_));
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

  void ShutDown(absl::Duration limit) override {
    SetServing(false);
    backend_.queue->SetDraining(true);
    backend_.actions->CancelAll();
    backend_.queue->WaitUntilIdle(limit, /*only_running=*/true);
    server_->Shutdown(absl::ToChronoTime(absl::Now() + kLastCalls));
  }

 private:
  void SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

  const Backend backend_;
  const AccessControl access_;
  TaskPool pool_{kPoolThreads};
  TaskPool slow_pool_{kSlowPoolThreads};
  GenerationService generations_;
  ArtifactService artifacts_;
  ModelService models_;
  PluginService plugins_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::unique_ptr<MetricsServer> metrics_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const Backend& backend) {
  PATCHBAY_RETURN_IF_ERROR(CheckOptions(options));
  PATCHBAY_ASSIGN_OR_RETURN(std::string token, ReadToken(options.administrator_token_file));
  auto server = std::make_unique<GrpcServer>(backend, std::move(token),
                                             !options.tls_client_authority_file.empty());
  PATCHBAY_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

}  // namespace patchbay
