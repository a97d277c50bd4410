#ifndef PATCHBAY_HOST_SERVICE_CALL_CANCELLER_H_
#define PATCHBAY_HOST_SERVICE_CALL_CANCELLER_H_

#include <grpcpp/client_context.h>

#include <atomic>
#include <functional>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace patchbay {

// Cancels a call when somebody asks for it, until it is destroyed.
class CallCanceller {
 public:
  // Both must outlive the object. is_interrupted: asked several times a second on another thread.
  CallCanceller(grpc::ClientContext& call, const std::function<bool()>& is_interrupted)
      : thread_([this, &call, &is_interrupted] {
          while (!done_) {
            if (is_interrupted()) return call.TryCancel();
            absl::SleepFor(absl::Milliseconds(100));
          }
        }) {}
  ~CallCanceller() {
    done_ = true;
    thread_.join();
  }
  CallCanceller(const CallCanceller&) = delete;
  CallCanceller& operator=(const CallCanceller&) = delete;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_CALL_CANCELLER_H_
