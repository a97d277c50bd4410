#include "host/service/access_control.h"

#include <openssl/crypto.h>

#include "host/engine/jobs/error_reason.h"

namespace patchbay {
namespace {

constexpr std::string_view kBearer = "Bearer ";

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// In a time that does not tell how much of it is right.
bool IsSame(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size() &&
         CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

bool CarriesToken(const grpc::ServerContextBase& call, std::string_view token) {
  const auto [begin, end] = call.client_metadata().equal_range("authorization");
  for (auto entry = begin; entry != end; ++entry) {
    const std::string_view value(entry->second.data(), entry->second.size());
    if (StartsWith(value, kBearer) && IsSame(value.substr(kBearer.size()), token)) return true;
  }
  return false;
}

}  // namespace

absl::Status AccessControl::CheckAdministrator(const grpc::ServerContextBase& call) const {
  if (!administrator_token_.empty() && CarriesToken(call, administrator_token_)) {
    return absl::OkStatus();
  }
  if (client_certificates_ && call.auth_context() != nullptr &&
      call.auth_context()->IsPeerAuthenticated()) {
    return absl::OkStatus();
  }
  const bool nothing_set_up = administrator_token_.empty() && !client_certificates_;
  if (nothing_set_up && IsLocalPeer(call.peer())) return absl::OkStatus();
  return WithReason(
      absl::PermissionDeniedError(
          nothing_set_up
              ? "only an administrator may do this, and this server knows administrators on its "
                "own machine only; start it with --admin-token-file or --tls-client-ca"
              : "only an administrator may do this; send the token (--token-file) or a client "
                "certificate (--tls-cert, --tls-key)"),
      error_reason::kAdministratorOnly);
}

bool IsLocalPeer(std::string_view peer) {
  return StartsWith(peer, "ipv4:127.") || StartsWith(peer, "ipv6:[::1]") ||
         StartsWith(peer, "ipv6:%5B::1%5D") || StartsWith(peer, "unix:");
}

bool IsLocalAddress(std::string_view address) {
  if (StartsWith(address, "unix:")) return true;
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, colon);
  if (host == "localhost" || host == "[::1]") return true;
  // "127.evil.example" is a name like any other.
  return StartsWith(host, "127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace patchbay
