#include "host/runtime/checkpoint/prediction_type.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>

#include "host/runtime/checkpoint/stored_configs.h"
#include "host/runtime/checkpoint/text_file.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr const char* kEpsilon = "epsilon";
constexpr const char* kVelocity = "v_prediction";

// output_blocks.11.1.transformer_blocks.0.norm1.bias of a U-Net with four levels.
constexpr std::string_view kTellingBias =
    "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias";
constexpr double kVelocitySpread = 0.09;

bool Has(const CheckpointFile& file, std::string_view name) {
  return file.tensors.find(name) != file.tensors.end();
}

std::optional<std::string> FromStoredScheduler(const CheckpointFile& file) {
  const auto text = StoredSchedulerJson(file);
  if (!text.has_value()) return std::nullopt;
  const nlohmann::json scheduler = nlohmann::json::parse(*text, nullptr, false);
  const auto type = scheduler.find("prediction_type");
  if (type == scheduler.end() || !type->is_string()) return std::nullopt;
  return type->get<std::string>();
}

std::optional<std::string> FromMetadata(const CheckpointFile& file) {
  if (const auto stored = FromStoredScheduler(file)) return stored;
  const auto found = file.metadata.find("modelspec.prediction_type");
  if (found == file.metadata.end()) return std::nullopt;
  if (found->second == "epsilon") return kEpsilon;
  if (found->second == "v" || found->second == "v_prediction") return kVelocity;
  return std::nullopt;
}

std::optional<std::string> FromConfigurationBeside(const std::string& path) {
  const auto text = ReadTextFile(std::filesystem::path(path).replace_extension(".yaml").string());
  if (!text.ok()) return std::nullopt;
  static const std::regex* const kParameterization =
      new std::regex(R"(parameterization:\s*["']?(v|eps)["']?\s)");
  std::smatch match;
  const std::string content = *text + "\n";
  if (!std::regex_search(content, match, *kParameterization)) return std::nullopt;
  return match[1] == "v" ? kVelocity : kEpsilon;
}

std::string FromSpread(const WeightMap& unet) {
  const auto found = unet.find(kTellingBias);
  if (found == unet.end() || found->second.tensor.numel() < 2) return kEpsilon;
  const double spread =
      found->second.Values().to(at::kDouble).std(/*unbiased=*/true).item<double>();
  return spread > kVelocitySpread ? kVelocity : kEpsilon;
}

}  // namespace

std::string FindPredictionType(const CheckpointFile& file, ModelFamily family,
                               const WeightMap& unet) {
  if (Has(file, "v_pred") || Has(file, "edm_vpred.sigma_max")) return kVelocity;
  if (const auto type = FromMetadata(file)) return *type;
  if (const auto type = FromConfigurationBeside(file.path)) return *type;
  return family == ModelFamily::kStableDiffusion2 ? FromSpread(unet) : kEpsilon;
}

bool UsesEdm(const CheckpointFile& file) { return Has(file, "edm_mean") && Has(file, "edm_std"); }

bool HasZeroTerminalSnr(const CheckpointFile& file) { return Has(file, "ztsnr"); }

}  // namespace patchbay
