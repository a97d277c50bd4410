#ifndef PATCHBAY_HOST_SERVICE_ACTION_STREAM_H_
#define PATCHBAY_HOST_SERVICE_ACTION_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "host/engine/jobs/action_runner.h"
#include "host/service/task_pool.h"
#include "patchbay/v1/plugin_service.pb.h"

namespace patchbay {

// Sends the state of an action's run to one watcher, at the watcher's pace: states that it is too
// slow for are passed over, the last one never is. One write is under way at a time. gRPC is called
// without the mutex. The object holds itself until OnDone().
class ActionStream final : public grpc::ServerWriteReactor<v1::WatchPluginActionResponse>,
                           public std::enable_shared_from_this<ActionStream> {
 public:
  // Both must outlive the stream.
  static ActionStream* Open(TaskPool& pool, ActionRunner& actions, const std::string& run_id);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class State { kOpening, kIdle, kWriting, kFinished };

  ActionStream(TaskPool& pool, ActionRunner& actions, std::string run_id);
  void Begin();
  // Sends the newest state or ends, if there is something to do.
  void Advance();
  void End(const grpc::Status& status);

  TaskPool& pool_;
  ActionRunner& actions_;
  const std::string run_id_;
  std::shared_ptr<ActionStream> self_;
  std::shared_ptr<void> subscription_;
  std::mutex mutex_;
  State state_ = State::kOpening;
  bool cancelled_ = false;
  bool complete_ = false;  // the final state has been sent
  std::optional<uint64_t> sent_version_;
  v1::WatchPluginActionResponse response_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_ACTION_STREAM_H_
