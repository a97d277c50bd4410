#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_PYTHON_JSON_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_PYTHON_JSON_H_

#include <nlohmann/json.hpp>
#include <string_view>

namespace patchbay {

// Parses JSON as Python's json module writes it: the numbers NaN, Infinity and -Infinity, which
// JSON does not have, become null. diffusers' DPM-Solver schedulers save one
// ("lambda_min_clipped"). What is no JSON even so gives a discarded value.
nlohmann::json ParsePythonJson(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_PYTHON_JSON_H_
