#include "bridges/comfyui/client_hub.h"

#include <random>
#include <utility>

#include "absl/strings/str_format.h"
#include "bridges/common/json_text.h"

namespace patchbay::comfyui {
namespace {

constexpr uint32_t kPreviewImage = 1;
constexpr uint32_t kPreviewImageWithMetadata = 4;
constexpr uint32_t kJpeg = 1;
constexpr uint32_t kPng = 2;
constexpr uint64_t kMaxUpload = 256u << 20;

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string MadeUpId() {
  std::random_device random;
  return absl::StrFormat("%08x%08x%08x%08x", random(), random(), random(), random());
}

}  // namespace

std::string EventText(const std::string& type, const Json& data) {
  return Json({{"type", type}, {"data", data}})
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string PreviewFrame(uint32_t format, const std::string& bytes) {
  return BigEndian(kPreviewImage) + BigEndian(format) + bytes;
}

std::string PreviewFrameWithMetadata(const Json& metadata, const std::string& jpeg) {
  const std::string text = metadata.dump(-1, ' ', false, Json::error_handler_t::replace);
  return BigEndian(kPreviewImageWithMetadata) + BigEndian(static_cast<uint32_t>(text.size())) +
         text + jpeg;
}

ClientHub::ClientHub(std::function<int()> remaining,
                     std::function<std::string(const std::string&)> executing)
    : remaining_(std::move(remaining)), executing_(std::move(executing)) {}

Json ClientHub::Features() {
  return {{"supports_preview_metadata", true}, {"max_upload_size", kMaxUpload}};
}

void ClientHub::ForEach(const std::string& client_id,
                        const std::function<void(const Client&)>& send) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, client] : clients_) {
    if (client_id.empty() || id == client_id) send(client);
  }
}

void ClientHub::Send(const std::string& client_id, const std::string& type, Json data) {
  if (!client_id.empty()) SendOrBroadcast(client_id, type, std::move(data));
}

void ClientHub::SendOrBroadcast(const std::string& client_id, const std::string& type, Json data) {
  std::string text;  // made when somebody is there
  ForEach(client_id, [&](const Client& client) {
    if (text.empty()) text = EventText(type, data);
    client.socket->SendText(text, SendRule::kAlways);
  });
}

void ClientHub::BroadcastStatus() {
  SendOrBroadcast("", "status", {{"status", {{"exec_info", {{"queue_remaining", remaining_()}}}}}});
}

void ClientHub::SendPreview(const std::string& client_id, const std::string& jpeg,
                            const Json& metadata) {
  ForEach(client_id, [&](const Client& client) {
    client.socket->SendBinary(client.preview_metadata ? PreviewFrameWithMetadata(metadata, jpeg)
                                                      : PreviewFrame(kJpeg, jpeg),
                              SendRule::kUnlessBehind);
  });
}

void ClientHub::SendPicture(const std::string& client_id, const std::string& png) {
  const std::string frame = PreviewFrame(kPng, png);
  ForEach(client_id,
          [&](const Client& client) { client.socket->SendBinary(frame, SendRule::kAlways); });
}

bool ClientHub::HasClients() const {
  const std::lock_guard lock(mutex_);
  return !clients_.empty();
}

bool ClientHub::Accepts(const HttpRequest& request) {
  return request.path == "/ws" || request.path == "/api/ws";
}

void ClientHub::OnOpen(const std::shared_ptr<WebSocket>& socket, const HttpRequest& request) {
  std::string id = request.Query("clientId");
  if (id.empty()) id = MadeUpId();
  std::shared_ptr<WebSocket> former;
  {
    const std::lock_guard lock(mutex_);
    Client& client = clients_[id];
    former = std::exchange(client.socket, socket);
    client.first_message = true;
    client.preview_metadata = false;
  }
  if (former != nullptr) former->Close();
  const Json status = {{"status", {{"exec_info", {{"queue_remaining", remaining_()}}}}},
                       {"sid", id}};
  socket->SendText(EventText("status", status), SendRule::kAlways);
  if (const std::string node = executing_(id); !node.empty()) {
    socket->SendText(EventText("executing", {{"node", node}}), SendRule::kAlways);
  }
}

void ClientHub::OnText(const std::shared_ptr<WebSocket>& socket, const std::string& text) {
  const Json message = ParseJsonText(text);
  const bool is_flags = message.is_object() && message.value("type", Json()) == "feature_flags" &&
                        message.contains("data") && message["data"].is_object();
  const std::lock_guard lock(mutex_);
  for (auto& [id, client] : clients_) {
    if (client.socket != socket || !std::exchange(client.first_message, false) || !is_flags) {
      continue;
    }
    client.preview_metadata = message["data"].value("supports_preview_metadata", Json()) == true;
    socket->SendText(EventText("feature_flags", Features()), SendRule::kAlways);
  }
}

void ClientHub::OnClose(const std::shared_ptr<WebSocket>& socket) {
  const std::lock_guard lock(mutex_);
  std::erase_if(clients_, [&](const auto& entry) { return entry.second.socket == socket; });
}

void ClientHub::OnShutDown() {
  const std::lock_guard lock(mutex_);
  clients_.clear();
}

}  // namespace patchbay::comfyui
