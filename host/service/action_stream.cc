#include "host/service/action_stream.h"

#include <utility>

#include "host/service/error_conversion.h"
#include "host/service/plugin_conversion.h"

namespace patchbay {

ActionStream::ActionStream(TaskPool& pool, ActionRunner& actions, std::string run_id)
    : pool_(pool), actions_(actions), run_id_(std::move(run_id)) {}

ActionStream* ActionStream::Open(TaskPool& pool, ActionRunner& actions, const std::string& run_id) {
  const auto stream = std::shared_ptr<ActionStream>(new ActionStream(pool, actions, run_id));
  stream->self_ = stream;
  pool.Post([stream] { stream->Begin(); });
  return stream.get();
}

void ActionStream::Begin() {
  auto subscription = actions_.Subscribe(
      run_id_, [this] { pool_.Post([stream = shared_from_this()] { stream->Advance(); }); });
  if (!subscription.ok()) return End(ToGrpcStatus(subscription.status()));
  subscription_ = *std::move(subscription);
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kIdle;
  }
  Advance();
}

void ActionStream::OnWriteDone(bool ok) {
  const auto keep = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kIdle;
    cancelled_ = cancelled_ || !ok;
  }
  Advance();
}

void ActionStream::OnCancel() {
  const auto keep = shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  Advance();
}

void ActionStream::OnDone() {
  // Out of the runner's reach first: it wakes this object from other threads.
  subscription_.reset();
  const auto last = std::move(self_);
}

void ActionStream::End(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kFinished;
  }
  Finish(status);
}

void ActionStream::Advance() {
  // Asked without the mutex: the runner wakes this object while it holds its own.
  const absl::StatusOr<ActionRun> run = actions_.Get(run_id_);
  grpc::Status end;
  bool write = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kIdle) return;
    if (cancelled_) {
      end = grpc::Status(grpc::StatusCode::CANCELLED, "the watcher has gone");
    } else if (!run.ok()) {
      end = ToGrpcStatus(run.status());
    } else if (!complete_) {
      write = !sent_version_.has_value() || run->version > *sent_version_;
      if (!write) return;
      sent_version_ = run->version;
      complete_ = IsFinal(run->state);
      *response_.mutable_run() = ActionRunToProto(*run);
    }
    state_ = write ? State::kWriting : State::kFinished;
  }
  // Until gRPC calls back nobody else acts: the state is neither opening nor idle.
  if (write) {
    StartWrite(&response_);
  } else {
    Finish(end);
  }
}

}  // namespace patchbay
