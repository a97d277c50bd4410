#ifndef PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_H_
#define PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_H_

#include <memory>
#include <string>

#include "bridges/common/http_message.h"

namespace patchbay {

// What may happen to a message that waits for a slow client.
enum class SendRule {
  kAlways,        // kept; a client that lets too many wait is disconnected
  kUnlessBehind,  // left out when many others already wait: previews
};

// An open WebSocket (RFC 6455). Any thread.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual void SendText(std::string text, SendRule rule) = 0;
  virtual void SendBinary(std::string bytes, SendRule rule) = 0;
  virtual void Close() = 0;
};

// Told about WebSockets. Calls about one socket come one at a time; they must not wait.
class WebSocketObserver {
 public:
  virtual ~WebSocketObserver() = default;
  // Whether this path takes WebSockets.
  virtual bool Accepts(const HttpRequest& request) = 0;
  virtual void OnOpen(const std::shared_ptr<WebSocket>& socket, const HttpRequest& request) = 0;
  virtual void OnText(const std::shared_ptr<WebSocket>& socket, const std::string& text) = 0;
  virtual void OnClose(const std::shared_ptr<WebSocket>& socket) = 0;
  // The server ends: lets go of all sockets, which must not outlive it. The last call.
  virtual void OnShutDown() = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_WEB_SOCKET_H_
