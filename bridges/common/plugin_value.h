#ifndef PATCHBAY_BRIDGES_COMMON_PLUGIN_VALUE_H_
#define PATCHBAY_BRIDGES_COMMON_PLUGIN_VALUE_H_

#include "absl/status/statusor.h"
#include "bridges/common/json.h"
#include "patchbay/v1/parameter.pb.h"

namespace patchbay {

// A parameter's value as JSON: a list as text with '/' between its values, which is how people type
// it; null when it is not set.
Json JsonOfValue(const v1::ParameterValue& value);

// JSON as a value of this parameter. Lists come as JSON lists or as typed text. INVALID_ARGUMENT
// names the parameter and what it takes; ranges are the server's matter.
absl::StatusOr<v1::ParameterValue> ValueOfJson(const v1::Parameter& parameter, const Json& value);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_PLUGIN_VALUE_H_
