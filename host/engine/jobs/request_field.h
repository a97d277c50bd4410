#ifndef PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FIELD_H_
#define PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FIELD_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace patchbay {

// The error with the request's field in its sentence and its details, INVALID_SETTINGS unless it
// has a reason.
absl::Status AboutRequestField(const std::string& field, const absl::Status& status);

// INVALID_ARGUMENT unless it is nothing but a name, so that it can be the last part of a path: 1 to
// 200 bytes without a slash or a leading dot.
absl::Status CheckRequestName(const std::string& field, std::string_view name);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_REQUEST_FIELD_H_
