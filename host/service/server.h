#ifndef PATCHBAY_HOST_SERVICE_SERVER_H_
#define PATCHBAY_HOST_SERVICE_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/service/backend.h"

namespace patchbay {

struct ServerOptions {
  // "127.0.0.1:50051", "[::1]:50051", "unix:/run/patchbay.sock"; port 0: any free one. An address
  // that other machines can reach needs TLS or `insecure`.
  std::string address = "127.0.0.1:50051";
  bool insecure = false;
  // PEM files; both or neither.
  std::string tls_certificate_file;
  std::string tls_key_file;
  // Certificates of this authority make clients administrators (mutual TLS); empty: none do.
  std::string tls_client_authority_file;
  // Holds the administrators' bearer token in its first line; empty: there is none.
  std::string administrator_token_file;
  bool reflection = true;
  std::string metrics_address;  // empty: no metrics
};

// The gRPC server with all its services, standard health and reflection.
class Server {
 public:
  // INVALID_ARGUMENT and NOT_FOUND for options that cannot be used, UNAVAILABLE when the address
  // cannot be had. What the backend names must outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const Backend& backend);
  // Ends what is still under way.
  virtual ~Server() = default;

  // Where it listens, with the port that it got.
  virtual const std::string& address() const = 0;

  // Says NOT_SERVING and accepts no more, waits at most `limit` for the running job, leaves those
  // that wait to the next process, and ends all calls. Call once.
  virtual void ShutDown(absl::Duration limit) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_SERVER_H_
