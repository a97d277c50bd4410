#ifndef PATCHBAY_HOST_SERVICE_ERROR_CONVERSION_H_
#define PATCHBAY_HOST_SERVICE_ERROR_CONVERSION_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "patchbay/v1/error.pb.h"

namespace patchbay {

// Errors as they travel: code and sentence, with reason, variables and retry delay as
// google.rpc.ErrorInfo and google.rpc.RetryInfo (proto/patchbay/v1/error.proto).
v1::ErrorStatus ErrorToProto(const absl::Status& status);
absl::Status ErrorFromProto(const v1::ErrorStatus& error);

// What ends a call, with the details as `grpc-status-details-bin`; and back.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_SERVICE_ERROR_CONVERSION_H_
