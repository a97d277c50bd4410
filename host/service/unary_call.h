#ifndef PATCHBAY_HOST_SERVICE_UNARY_CALL_H_
#define PATCHBAY_HOST_SERVICE_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/status/status.h"
#include "host/service/error_conversion.h"
#include "host/service/task_pool.h"

namespace patchbay {

// Answers a call that has one request and one response with what `work` says, on a thread of the
// pool. `work` is () -> absl::Status and fills in the response, which stays valid until it returns.
// A call that was cancelled or whose deadline has passed before its turn came is not worked on.
template <typename Work>
grpc::ServerUnaryReactor* AnswerOn(TaskPool& pool, grpc::CallbackServerContext* call, Work work) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  pool.Post([call, reactor, work = std::move(work)]() mutable {
    reactor->Finish(call->IsCancelled()
                        ? grpc::Status(grpc::StatusCode::CANCELLED, "nobody waits for the answer")
                        : ToGrpcStatus(work()));
  });
  return reactor;
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_UNARY_CALL_H_
