#include "host/engine/integer_model.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/checkpoint/integer_weight_file.h"
#include "host/runtime/checkpoint/unet_file.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kSuffix[] = ".safetensors";

}  // namespace

std::string PathBesideModel(const std::string& model_path, const std::string& ending) {
  fs::path model = fs::path(model_path).lexically_normal();
  if (!model.has_filename()) model = model.parent_path();
  std::error_code error;
  const bool is_folder = fs::is_directory(model, error);
  const std::string name = (is_folder ? model.filename() : model.stem()).string();
  return (model.parent_path() / absl::StrCat(name, "-", ending, kSuffix)).string();
}

absl::Status CheckIntegerModelPath(const std::string& model_path, const std::string& path) {
  const fs::path file(path);
  std::error_code error;
  if (file.extension() != kSuffix) {
    return absl::InvalidArgumentError(
        absl::StrCat("a quantised model's file ends in ", kSuffix, ", and ", path, " does not"));
  }
  if (fs::is_directory(file, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder"));
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat("there is no folder ", folder.string()));
  }
  PATCHBAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(model_path));
  if (!checkpoint.integer_plan.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        model_path, " has integers for weights already; quantise the model that it was made from"));
  }
  if (!fs::exists(file, error)) return absl::OkStatus();
  const absl::StatusOr<SafetensorsFile> there = SafetensorsFile::Open(path);
  if (there.ok() && HasIntegerWeights(*there)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      path, " is there and is no quantised model, so it is not overwritten; name another file"));
}

absl::StatusOr<IntegerModel> WriteIntegerModel(const std::string& model_path,
                                               const std::string& path,
                                               const std::vector<std::string_view>& integers,
                                               const std::string& plan) {
  PATCHBAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(model_path));
  if (integers.empty()) {
    return absl::InvalidArgumentError("every layer is kept in floating point: nothing to quantise");
  }
  PATCHBAY_RETURN_IF_ERROR(WriteIntegerWeights(path, checkpoint.unet, integers, plan));
  IntegerModel written;
  for (const auto& [name, stored] : checkpoint.unet) {
    written.unet_bytes += static_cast<uint64_t>(stored.ByteCount());
  }
  std::error_code error;
  written.stored_bytes = fs::file_size(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot look at ", path));
  const absl::StatusOr<std::string> other_parts = FindOtherParts(path);
  if (other_parts.ok()) {
    written.other_parts = *other_parts;
  } else {
    written.where_to_put = std::string(other_parts.status().message());
  }
  return written;
}

}  // namespace patchbay
