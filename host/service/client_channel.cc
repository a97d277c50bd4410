#include "host/service/client_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "host/base/status_macros.h"
#include "host/service/secret_file.h"

namespace patchbay {
namespace {

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const ClientOptions& options) {
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key belong together");
  }
  if (options.tls_authority_file.empty()) {
    if (options.tls_key_file.empty()) return grpc::InsecureChannelCredentials();
    return absl::InvalidArgumentError("--tls-cert needs --tls-ca");
  }
  grpc::SslCredentialsOptions tls;
  PATCHBAY_ASSIGN_OR_RETURN(tls.pem_root_certs,
                            ReadSecretFile("--tls-ca", options.tls_authority_file));
  if (!options.tls_key_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(tls.pem_cert_chain,
                              ReadSecretFile("--tls-cert", options.tls_certificate_file));
    PATCHBAY_ASSIGN_OR_RETURN(tls.pem_private_key,
                              ReadSecretFile("--tls-key", options.tls_key_file));
  }
  return grpc::SslCredentials(tls);
}

}  // namespace

absl::StatusOr<ClientChannel> ClientChannel::Make(const ClientOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options));
  std::string token;
  if (!options.token_file.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(token, ReadTokenFile("--token-file", options.token_file));
  }
  grpc::ChannelArguments arguments;
  // Comes back soon after a server's restart.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  return ClientChannel(grpc::CreateCustomChannel(options.address, credentials, arguments),
                       std::move(token), options.deadline);
}

void ClientChannel::Prepare(grpc::ClientContext& call, absl::Duration deadline) const {
  if (!token_.empty()) call.AddMetadata("authorization", absl::StrCat("Bearer ", token_));
  if (deadline < absl::InfiniteDuration()) {
    call.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
  }
}

}  // namespace patchbay
