#ifndef PATCHBAY_HOST_ENGINE_INTEGER_MODEL_H_
#define PATCHBAY_HOST_ENGINE_INTEGER_MODEL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace patchbay {

// A file with a model's U-Net whose weights are integers, which is a model together with the other
// parts that it stands beside (host/runtime/checkpoint/integer_weight_file.h).

// Where such a file is found together with the model at `model_path`: beside it, its name going on
// with `ending`.
std::string PathBesideModel(const std::string& model_path, const std::string& ending);

// Whether one of this model could be written there. INVALID_ARGUMENT for another suffix, for a file
// that is there and is none of these, which is never overwritten, and for a model whose weights are
// integers already; NOT_FOUND when there is no such folder. Other errors as OpenCheckpoint.
absl::Status CheckIntegerModelPath(const std::string& model_path, const std::string& path);

struct IntegerModel {
  uint64_t unet_bytes = 0;    // of the model that it was made from
  uint64_t stored_bytes = 0;  // of the file
  std::string other_parts;    // the model that it will be used with; empty: none stands there
  std::string where_to_put;   // then what to do
};

// Writes it, whole or not at all. integers: what the plugin quantizer's action "store" has made,
// and `plan` with it.
absl::StatusOr<IntegerModel> WriteIntegerModel(const std::string& model_path,
                                               const std::string& path,
                                               const std::vector<std::string_view>& integers,
                                               const std::string& plan);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_INTEGER_MODEL_H_
