#ifndef PATCHBAY_BRIDGES_COMMON_HTTP_ROUTER_H_
#define PATCHBAY_BRIDGES_COMMON_HTTP_ROUTER_H_

#include <functional>
#include <string>
#include <vector>

#include "bridges/common/http_message.h"

namespace patchbay {

// Answers a request. Called on one of the server's worker threads, several at a time.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// Whether a handler may take long. Long ones have threads of their own, so that they never keep
// short ones waiting.
enum class HandlerPace { kShort, kLong };

// Which handler answers which path. Filled before the server starts, constant afterwards.
class HttpRouter {
 public:
  struct Match {
    const HttpHandler* handler = nullptr;  // null: no route has this path and method
    HandlerPace pace = HandlerPace::kShort;
    bool path_exists = false;  // with another method
  };

  // `pattern`: "/a/{name}" captures one segment, "/a/{name...}" the rest, which may be empty. The
  // first route that fits counts.
  void Add(const std::string& method, const std::string& pattern, HttpHandler handler,
           HandlerPace pace = HandlerPace::kShort);

  // Finds the handler and fills `request.captures`. A HEAD request is answered by GET's handler.
  Match Find(HttpRequest& request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    HttpHandler handler;
    HandlerPace pace;
  };
  std::vector<Route> routes_;
};

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_HTTP_ROUTER_H_
