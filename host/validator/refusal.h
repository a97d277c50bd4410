#ifndef PATCHBAY_HOST_VALIDATOR_REFUSAL_H_
#define PATCHBAY_HOST_VALIDATOR_REFUSAL_H_

#include "absl/status/status.h"

namespace patchbay {

// Whether a plugin has said no in a way that people can act on, as opposed to failing.
inline bool IsRefusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
      return !status.message().empty();
    default:
      return false;
  }
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_REFUSAL_H_
