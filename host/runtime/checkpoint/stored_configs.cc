#include "host/runtime/checkpoint/stored_configs.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

// Replaces `config` by the entry, if there is one.
template <typename Config, typename Parse>
absl::Status Replace(const CheckpointFile& file, const char* entry, Parse parse,
                     std::vector<std::string>& warnings, Config& config) {
  const auto found = file.metadata.find(entry);
  if (found == file.metadata.end()) return absl::OkStatus();
  PATCHBAY_ASSIGN_OR_RETURN(
      config, parse(found->second, absl::StrCat(file.path, ", metadata ", entry), warnings));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadStoredConfigs(const CheckpointFile& file, Checkpoint& checkpoint) {
  std::vector<std::string>& warnings = checkpoint.description.warnings;
  PATCHBAY_RETURN_IF_ERROR(
      Replace(file, "unet/config", &ParseUNetConfig, warnings, checkpoint.unet_config));
  PATCHBAY_RETURN_IF_ERROR(Replace(file, "vae/config", &ParseAutoencoderConfig, warnings,
                                   checkpoint.autoencoder_config));
  constexpr const char* kTextEncoders[] = {"text_encoder/config", "text_encoder_2/config"};
  for (size_t i = 0; i < std::min(checkpoint.text_encoders.size(), std::size(kTextEncoders)); ++i) {
    PATCHBAY_RETURN_IF_ERROR(Replace(file, kTextEncoders[i], &ParseTextEncoderConfig, warnings,
                                     checkpoint.text_encoders[i].config));
  }
  return absl::OkStatus();
}

std::optional<std::string> StoredSchedulerJson(const CheckpointFile& file) {
  const auto found = file.metadata.find("scheduler/scheduler_config");
  if (found == file.metadata.end()) return std::nullopt;
  return found->second;
}

}  // namespace patchbay
