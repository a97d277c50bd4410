#include "host/runtime/checkpoint/model_description.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint.h"

namespace patchbay {
namespace {

std::string BytesText(int64_t bytes) {
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return absl::StrFormat(unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits[unit]);
}

constexpr int64_t kHalfBytes = 2;
constexpr int64_t kFullBytes = 4;

std::string ComponentText(const ComponentSummary& component) {
  std::string sizes;
  for (const auto& [type, bytes] : component.bytes) {
    absl::StrAppend(&sizes, sizes.empty() ? "" : ", ", type, " ", BytesText(bytes));
  }
  if (component.quantized) {
    absl::StrAppend(&sizes, "; in memory ", BytesText(component.parameters * kHalfBytes),
                    " in bf16, ", BytesText(component.parameters * kFullBytes), " in fp32");
  }
  return absl::StrFormat("  %-16s %13d parameters  %s\n", component.name, component.parameters,
                         sizes);
}

std::string SchedulerClass(const ModelDescription& description) {
  const auto json = nlohmann::json::parse(description.scheduler_json, nullptr, false);
  const auto name = json.is_object() ? json.find("_class_name") : json.end();
  if (!json.is_object() || name == json.end() || !name->is_string()) return "not named";
  return name->get<std::string>();
}

std::string PredictionText(const ModelDescription& description) {
  return description.edm_preconditioning
             ? absl::StrCat(description.prediction_type, ", EDM preconditioning")
             : description.prediction_type;
}

const char* LayoutText(CheckpointLayout layout) {
  return layout == CheckpointLayout::kFolder ? "folder" : "single file";
}

}  // namespace

std::string_view ModelFamilyName(ModelFamily family) {
  switch (family) {
    case ModelFamily::kStableDiffusion1:
      return "sd1";
    case ModelFamily::kStableDiffusion2:
      return "sd2";
    case ModelFamily::kStableDiffusionXl:
      return "sdxl";
    case ModelFamily::kStableDiffusionXlRefiner:
      return "sdxl_refiner";
    case ModelFamily::kPlayground:
      return "playground";
    case ModelFamily::kKolors:
      return "kolors";
  }
  return "unknown";
}

absl::StatusOr<ModelDescription> DescribeCheckpoint(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(path));
  return std::move(checkpoint.description);
}

std::string DescriptionText(const ModelDescription& description) {
  std::string text = absl::StrCat(description.path, "\n");
  const auto line = [&text](const char* label, const std::string& value) {
    absl::StrAppend(&text, absl::StrFormat("%-12s %s\n", label, value));
  };
  line("family", std::string(ModelFamilyName(description.family)));
  if (!description.other_parts.empty()) line("other parts", description.other_parts);
  line("layout", LayoutText(description.layout));
  line("prediction", PredictionText(description));
  line("scheduler", SchedulerClass(description));
  line("input", absl::StrCat(description.in_channels, " channels"));
  line("made for", absl::StrCat(description.native_size, "x", description.native_size, " pixels"));
  absl::StrAppend(&text, "components\n");
  for (const ComponentSummary& component : description.components) {
    absl::StrAppend(&text, ComponentText(component));
  }
  for (const std::string& folder : description.tokenizer_folders) {
    line("tokenizer", folder.empty() ? "CLIP's own vocabulary" : folder);
  }
  for (const std::string& warning : description.warnings) line("warning", warning);
  return text;
}

std::string DescriptionJson(const ModelDescription& description) {
  using Json = nlohmann::ordered_json;
  Json components = Json::array();
  for (const ComponentSummary& component : description.components) {
    components.push_back({{"name", component.name},
                          {"parameters", component.parameters},
                          {"bytes", component.bytes},
                          {"bytes_in_memory",
                           {{"bf16", component.parameters * kHalfBytes},
                            {"fp32", component.parameters * kFullBytes}}}});
  }
  Json tokenizers = Json::array();
  for (const std::string& folder : description.tokenizer_folders) {
    tokenizers.push_back(folder.empty() ? Json(nullptr) : Json(folder));
  }
  // What is no JSON shows as null.
  Json scheduler = Json::parse(description.scheduler_json, nullptr, false);
  if (scheduler.is_discarded()) scheduler = nullptr;
  const Json json = {
      {"path", description.path},
      {"other_parts",
       description.other_parts.empty() ? Json(nullptr) : Json(description.other_parts)},
      {"family", ModelFamilyName(description.family)},
      {"layout", description.layout == CheckpointLayout::kFolder ? "folder" : "single_file"},
      {"prediction_type", description.prediction_type},
      {"edm_preconditioning", description.edm_preconditioning},
      {"scheduler", std::move(scheduler)},
      {"in_channels", description.in_channels},
      {"out_channels", description.out_channels},
      {"latent_channels", description.latent_channels},
      {"latent_scale", description.latent_scale},
      {"native_size", description.native_size},
      {"clip_skip", description.clip_skip},
      {"components", std::move(components)},
      {"tokenizers", std::move(tokenizers)},
      {"warnings", description.warnings}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace patchbay
