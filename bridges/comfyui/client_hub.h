#ifndef PATCHBAY_BRIDGES_COMFYUI_CLIENT_HUB_H_
#define PATCHBAY_BRIDGES_COMFYUI_CLIENT_HUB_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bridges/common/json.h"
#include "bridges/common/web_socket.h"

namespace patchbay::comfyui {

// The pages and programs that listen at /ws. Any thread.
class ClientHub final : public WebSocketObserver {
 public:
  // `remaining`: how many prompts wait or run. `executing`: the node that runs for a client, empty
  // when none does; a client that comes back is told.
  ClientHub(std::function<int()> remaining,
            std::function<std::string(const std::string&)> executing);

  // To one client; empty id: to nobody.
  void Send(const std::string& client_id, const std::string& type, Json data);
  // To one client; empty id: to all.
  void SendOrBroadcast(const std::string& client_id, const std::string& type, Json data);
  void BroadcastStatus();
  // A preview of a node, in the frame that each client understands. Left out for slow clients.
  void SendPreview(const std::string& client_id, const std::string& jpeg, const Json& metadata);
  // A finished picture of SaveImageWebsocket.
  void SendPicture(const std::string& client_id, const std::string& png);
  bool HasClients() const;

  bool Accepts(const HttpRequest& request) override;
  void OnOpen(const std::shared_ptr<WebSocket>& socket, const HttpRequest& request) override;
  void OnText(const std::shared_ptr<WebSocket>& socket, const std::string& text) override;
  void OnClose(const std::shared_ptr<WebSocket>& socket) override;
  void OnShutDown() override;

  // The server's feature flags.
  static Json Features();

 private:
  struct Client {
    std::shared_ptr<WebSocket> socket;
    bool first_message = true;
    bool preview_metadata = false;
  };
  void ForEach(const std::string& client_id, const std::function<void(const Client&)>& send) const;

  const std::function<int()> remaining_;
  const std::function<std::string(const std::string&)> executing_;
  mutable std::mutex mutex_;
  std::map<std::string, Client> clients_;
};

// A message of the WebSocket protocol: {"type": ..., "data": ...}, in this order.
std::string EventText(const std::string& type, const Json& data);
// Binary frames: big-endian event number, then its payload (ComfyUI, protocol.py).
std::string PreviewFrame(uint32_t format, const std::string& bytes);
std::string PreviewFrameWithMetadata(const Json& metadata, const std::string& jpeg);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CLIENT_HUB_H_
