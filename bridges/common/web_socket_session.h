#ifndef PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_SESSION_H_
#define PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_SESSION_H_

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <memory>
#include <string>

#include "bridges/common/web_socket.h"

namespace patchbay {

// Answers the upgrade request and keeps the socket open until either side closes it. Runs on the
// stream's executor, which must be a strand. Only http_server.cc uses this.
void RunWebSocket(boost::beast::tcp_stream stream,
                  boost::beast::http::request<boost::beast::http::string_body> upgrade,
                  HttpRequest request, WebSocketObserver& observer);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_SESSION_H_
