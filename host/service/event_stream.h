#ifndef PATCHBAY_HOST_SERVICE_EVENT_STREAM_H_
#define PATCHBAY_HOST_SERVICE_EVENT_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/engine/jobs/job_event_log.h"
#include "host/service/error_conversion.h"
#include "host/service/job_conversion.h"
#include "host/service/task_pool.h"

namespace patchbay {

// Sends a job's events to one watcher, at the watcher's pace: one write is under way at a time, and
// the next event is fetched from the log when it is done. Response has a field `event`.
//
// States: opening (nothing sent yet), idle (waits for an event), writing, finished (Finish() was
// called, exactly once). All under `mutex_`; gRPC is called without it. The object holds itself
// until OnDone().
template <typename Response>
class EventStream final : public grpc::ServerWriteReactor<Response>,
                          public std::enable_shared_from_this<EventStream<Response>> {
 public:
  // Where to begin.
  struct Start {
    std::shared_ptr<JobEventLog> log;
    uint64_t after_sequence = 0;
  };

  // `open` finds the log; it runs on a thread of the pool.
  static EventStream* Open(TaskPool& pool, bool previews,
                           std::function<absl::StatusOr<Start>()> open) {
    const auto stream = std::shared_ptr<EventStream>(new EventStream(pool, previews));
    stream->self_ = stream;
    pool.Post([stream, open = std::move(open)] { stream->Begin(open()); });
    return stream.get();
  }

  void OnWriteDone(bool ok) override {
    const auto keep = this->shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      state_ = State::kIdle;
      cancelled_ = cancelled_ || !ok;
    }
    Advance();
  }

  void OnCancel() override {
    const auto keep = this->shared_from_this();
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    Advance();
  }

  void OnDone() override {
    // Out of the log's reach first: it wakes this object from other threads.
    subscription_.reset();
    const auto last = std::move(self_);
  }

 private:
  enum class State { kOpening, kIdle, kWriting, kFinished };

  EventStream(TaskPool& pool, bool previews) : pool_(pool), previews_(previews) {}

  void Begin(absl::StatusOr<Start> start) {
    if (!start.ok()) {
      {
        const std::lock_guard lock(mutex_);
        state_ = State::kFinished;
      }
      this->Finish(ToGrpcStatus(start.status()));
      return;
    }
    log_ = std::move(start->log);
    sequence_ = start->after_sequence;
    subscription_ = log_->Subscribe(previews_, [this] {
      pool_.Post([stream = this->shared_from_this()] { stream->Advance(); });
    });
    {
      const std::lock_guard lock(mutex_);
      state_ = State::kIdle;
    }
    Advance();
  }

  // Sends the next event or ends, if there is something to do.
  void Advance() {
    grpc::Status end;
    bool write = false;
    {
      const std::lock_guard lock(mutex_);
      if (state_ != State::kIdle) return;
      // Asked before the last event is: otherwise it could come in between.
      const bool complete = log_->is_complete();
      const auto event = cancelled_ ? nullptr : log_->Next(sequence_, previews_);
      write = event != nullptr;
      if (!write && !cancelled_ && !complete) return;
      state_ = write ? State::kWriting : State::kFinished;
      if (write) {
        sequence_ = event->sequence;
        *response_.mutable_event() = EventToProto(*event);
      } else if (cancelled_) {
        end = grpc::Status(grpc::StatusCode::CANCELLED, "the watcher has gone");
      }
    }
    // Until gRPC calls back nobody else acts: the state is neither opening nor idle.
    if (write) {
      this->StartWrite(&response_);
    } else {
      this->Finish(end);
    }
  }

  TaskPool& pool_;
  const bool previews_;
  std::shared_ptr<EventStream> self_;
  std::shared_ptr<JobEventLog> log_;
  std::unique_ptr<JobEventLog::Subscription> subscription_;
  std::mutex mutex_;
  State state_ = State::kOpening;
  bool cancelled_ = false;
  uint64_t sequence_ = 0;
  Response response_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_EVENT_STREAM_H_
