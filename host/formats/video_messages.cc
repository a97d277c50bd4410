#include "host/formats/video_messages.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "host/base/status_macros.h"

namespace patchbay {
namespace {

absl::Status Gone(const char* what) {
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    return absl::DeadlineExceededError("the other side says nothing");
  }
  if (errno == EPIPE || errno == ECONNRESET)
    return absl::UnavailableError("the other side is gone");
  return absl::ErrnoToStatus(errno, what);
}

absl::Status SendAll(int socket, absl::Span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Gone("sending");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SendMessage(int socket, VideoMessage kind, absl::Span<const std::byte> bytes) {
  const VideoMessageHeader header = {kind, static_cast<uint32_t>(bytes.size())};
  PATCHBAY_RETURN_IF_ERROR(
      SendAll(socket, {reinterpret_cast<const std::byte*>(&header), sizeof(header)}));
  return SendAll(socket, bytes);
}

absl::Status SendText(int socket, VideoMessage kind, std::string_view text) {
  return SendMessage(socket, kind,
                     {reinterpret_cast<const std::byte*>(text.data()),
                      std::min<size_t>(text.size(), kMostVideoTextBytes)});
}

absl::StatusOr<VideoMessageHeader> ReceiveHeader(int socket) {
  VideoMessageHeader header;
  PATCHBAY_RETURN_IF_ERROR(
      ReceiveBytes(socket, {reinterpret_cast<std::byte*>(&header), sizeof(header)}));
  return header;
}

absl::Status ReceiveBytes(int socket, absl::Span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t received = recv(socket, bytes.data(), bytes.size(), 0);
    if (received == 0) return absl::UnavailableError("the other side is gone");
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return Gone("receiving");
    bytes.remove_prefix(static_cast<size_t>(received));
  }
  return absl::OkStatus();
}

}  // namespace patchbay
