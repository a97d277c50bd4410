#ifndef PATCHBAY_HOST_SERVICE_ACCESS_CONTROL_H_
#define PATCHBAY_HOST_SERVICE_ACCESS_CONTROL_H_

#include <grpcpp/server_context.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace patchbay {

// Who may do what is reserved for administrators. Immutable; any thread.
class AccessControl {
 public:
  // administrator_token: what "authorization: Bearer ..." must say; empty: no token helps.
  // client_certificates: a verified certificate of the client will do.
  AccessControl(std::string administrator_token, bool client_certificates)
      : administrator_token_(std::move(administrator_token)),
        client_certificates_(client_certificates) {}

  // OK for a call with the token or with a certificate; where neither is set up, for a call from
  // the same machine. PERMISSION_DENIED says what is needed.
  absl::Status CheckAdministrator(const grpc::ServerContextBase& call) const;

 private:
  const std::string administrator_token_;
  const bool client_certificates_;
};

// Whether a peer, as gRPC spells it ("ipv4:127.0.0.1:1234"), is on the same machine.
bool IsLocalPeer(std::string_view peer);
// Whether an address to listen on ("127.0.0.1:50051", "[::1]:0", "localhost:1", "unix:/run/p") can
// be reached from the same machine only.
bool IsLocalAddress(std::string_view address);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_ACCESS_CONTROL_H_
