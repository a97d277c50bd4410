#ifndef PATCHBAY_BRIDGES_COMMON_HTTP_SERVER_H_
#define PATCHBAY_BRIDGES_COMMON_HTTP_SERVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "bridges/common/access_policy.h"
#include "bridges/common/http_router.h"
#include "bridges/common/web_socket.h"

namespace patchbay {

struct HttpServerOptions {
  std::string address = "127.0.0.1:0";  // IPv4 or "[IPv6]", and port; port 0: any free one
  AccessPolicy access;
  uint64_t max_body_bytes = 256u << 20;  // larger requests are answered with 413
  // How long a client may take to send a request's head or body.
  std::chrono::seconds read_timeout{60};
  // How long a connection may stay open without a request.
  std::chrono::seconds idle_timeout{75};
  int max_connections = 1024;  // further ones are closed at once
};

// An HTTP/1.1 server with keep-alive and WebSockets. Reading and writing are asynchronous; handlers
// run on worker threads. Unknown paths are answered with 404 {"detail":"Not Found"}.
class HttpServer {
 public:
  // Listens and answers from now on. `sockets` may be null; it and what the handlers use must
  // outlive the server. Errors: INVALID_ARGUMENT for an address that cannot be read, UNAVAILABLE
  // when it is in use.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                           HttpRouter router,
                                                           WebSocketObserver* sockets);
  // Closes all connections. Waits for handlers that are under way.
  virtual ~HttpServer() = default;

  // Where it listens, with the port that was chosen: "127.0.0.1:7860".
  virtual const std::string& address() const = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_HTTP_SERVER_H_
