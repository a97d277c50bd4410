#ifndef PATCHBAY_HOST_SERVICE_CLIENT_CHANNEL_H_
#define PATCHBAY_HOST_SERVICE_CLIENT_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "host/service/client.h"

namespace patchbay {

// A connection to a server, and what every call over it carries. Any thread.
class ClientChannel {
 public:
  // Reads the files that the options name; connects when the first call is made.
  static absl::StatusOr<ClientChannel> Make(const ClientOptions& options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  // Adds the token and a deadline: the options' own, or this one.
  void Prepare(grpc::ClientContext& call) const { Prepare(call, deadline_); }
  void Prepare(grpc::ClientContext& call, absl::Duration deadline) const;

 private:
  ClientChannel(std::shared_ptr<grpc::Channel> channel, std::string token, absl::Duration deadline)
      : channel_(std::move(channel)), token_(std::move(token)), deadline_(deadline) {}

  std::shared_ptr<grpc::Channel> channel_;
  std::string token_;
  absl::Duration deadline_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_CLIENT_CHANNEL_H_
