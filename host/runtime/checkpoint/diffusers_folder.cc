#include "host/runtime/checkpoint/diffusers_folder.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint_parts.h"
#include "host/runtime/checkpoint/config_reader.h"
#include "host/runtime/checkpoint/folder_weights.h"
#include "host/runtime/checkpoint/python_json.h"
#include "host/runtime/checkpoint/text_file.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::string_view kPredictionTypes[] = {"epsilon", "v_prediction", "sample"};

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

absl::StatusOr<Json> ReadJsonObject(const fs::path& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path.string()));
  Json json = ParsePythonJson(text);
  if (json.is_object()) return json;
  return absl::InvalidArgumentError(absl::StrCat(path.string(), " is not a JSON object"));
}

// What model_index.json says about a component: ["diffusers", "UNet2DConditionModel"] gives the
// class, [null, null] or nothing an empty text.
std::string ComponentClass(const Json& index, const char* component) {
  const auto entry = index.find(component);
  if (entry == index.end() || !entry->is_array() || entry->size() != 2 ||
      !(*entry)[1].is_string()) {
    return "";
  }
  return (*entry)[1].get<std::string>();
}

std::string PipelineClass(const Json& index) {
  const auto name = index.find("_class_name");
  return name != index.end() && name->is_string() ? name->get<std::string>() : "no pipeline class";
}

absl::Status WithoutIndex(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".safetensors") continue;
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), " is a folder without model_index.json; if ",
                     it->path().filename().string(), " is the checkpoint, name that file"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      folder.string(), " has no model_index.json and is therefore no model folder of diffusers"));
}

absl::Status RequireClass(const fs::path& folder, const Json& index, const char* component,
                          const std::string& only, const std::string& or_else = "") {
  const std::string found = ComponentClass(index, component);
  if (found == only || (!or_else.empty() && found == or_else)) return absl::OkStatus();
  if (found.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder.string(), " has no ", component, " in its model_index.json (", PipelineClass(index),
        "); this program draws with Stable Diffusion models, which have one"));
  }
  return absl::InvalidArgumentError(absl::StrCat(folder.string(), " has a ", component,
                                                 " of class ", found,
                                                 "; this program has only code for ", only));
}

// Reads components one after the other into a Checkpoint.
class FolderReader {
 public:
  FolderReader(fs::path folder, const OpenCheckpointOptions& options, Json index)
      : folder_(std::move(folder)), options_(options), index_(std::move(index)) {
    checkpoint_.description.path = folder_.string();
    checkpoint_.description.layout = CheckpointLayout::kFolder;
  }

  absl::StatusOr<Checkpoint> Read() && {
    PATCHBAY_RETURN_IF_ERROR(ReadUNet());
    PATCHBAY_RETURN_IF_ERROR(ReadAutoencoder());
    PATCHBAY_RETURN_IF_ERROR(ReadTextEncoder("text_encoder", "tokenizer"));
    PATCHBAY_RETURN_IF_ERROR(ReadTextEncoder("text_encoder_2", "tokenizer_2"));
    if (checkpoint_.text_encoders.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder_.string(), " has no text encoder in its model_index.json"));
    }
    PATCHBAY_RETURN_IF_ERROR(ReadScheduler());
    return std::move(checkpoint_);
  }

 private:
  std::vector<std::string>& warnings() { return checkpoint_.description.warnings; }

  // How messages call a file of this folder.
  std::string Named(const std::string& file) const { return (folder_ / file).string(); }

  absl::StatusOr<std::string> ConfigText(const char* component) const {
    return ReadTextFile((folder_ / component / "config.json").string());
  }

  absl::StatusOr<WeightMap> Weights(const char* component, const char* base) const {
    return OpenFolderWeights((folder_ / component).string(), base, options_.variant);
  }

  absl::Status ReadUNet() {
    PATCHBAY_RETURN_IF_ERROR(RequireClass(folder_, index_, "unet", "UNet2DConditionModel"));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ConfigText("unet"));
    PATCHBAY_ASSIGN_OR_RETURN(checkpoint_.unet_config,
                              ParseUNetConfig(text, Named("unet/config.json"), warnings()));
    if (options_.unet.has_value()) {
      checkpoint_.unet = *options_.unet;
    } else {
      PATCHBAY_ASSIGN_OR_RETURN(checkpoint_.unet, Weights("unet", "diffusion_pytorch_model"));
    }
    return InFolder(CheckUNetConfig(checkpoint_.unet_config, checkpoint_.unet));
  }

  absl::Status ReadAutoencoder() {
    PATCHBAY_RETURN_IF_ERROR(RequireClass(folder_, index_, "vae", "AutoencoderKL"));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ConfigText("vae"));
    PATCHBAY_ASSIGN_OR_RETURN(checkpoint_.autoencoder_config,
                              ParseAutoencoderConfig(text, Named("vae/config.json"), warnings()));
    PATCHBAY_ASSIGN_OR_RETURN(WeightMap weights, Weights("vae", "diffusion_pytorch_model"));
    checkpoint_.autoencoder = NormalizedAutoencoder(std::move(weights));
    const int64_t stored = WeightSize(checkpoint_.autoencoder, "decoder.conv_in.weight", 1);
    const int64_t said = checkpoint_.autoencoder_config.latent_channels;
    if (stored == said || stored == 0) return CheckAutoencoderGroups();
    return absl::InvalidArgumentError(absl::StrCat(Named("vae/config.json"), " says ", said,
                                                   " latent channels, and the weights have ",
                                                   stored));
  }

  absl::Status CheckAutoencoderGroups() const {
    const int64_t groups = checkpoint_.autoencoder_config.norm_groups;
    for (const auto& [name, stored] : checkpoint_.autoencoder) {
      const int64_t width = stored.tensor.dim() > 0 ? stored.tensor.size(0) : 0;
      if (!name.ends_with(".norm1.weight") || width % groups == 0) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(Named("vae/config.json"), ": `norm_num_groups` is ", groups, ", and the ",
                       width, " channels of ", name, " cannot be split into as many groups"));
    }
    return absl::OkStatus();
  }

  // Says which model an error is about.
  absl::Status InFolder(const absl::Status& status) const {
    if (status.ok()) return status;
    return absl::Status(status.code(), absl::StrCat(folder_.string(), ": ", status.message()));
  }

  absl::Status ReadTextEncoder(const char* component, const char* tokenizer) {
    if (ComponentClass(index_, component).empty()) return absl::OkStatus();
    PATCHBAY_RETURN_IF_ERROR(
        RequireClass(folder_, index_, component, "CLIPTextModel", "CLIPTextModelWithProjection"));
    PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ConfigText(component));
    const std::string file = Named(absl::StrCat(component, "/config.json"));
    TextEncoderPart part;
    PATCHBAY_ASSIGN_OR_RETURN(part.config, ParseTextEncoderConfig(text, file, warnings()));
    PATCHBAY_ASSIGN_OR_RETURN(WeightMap weights, Weights(component, "model"));
    part.weights = NormalizedTextEncoder(std::move(weights));
    PATCHBAY_RETURN_IF_ERROR(CheckTextEncoderConfig(part.config, part.weights));
    PATCHBAY_RETURN_IF_ERROR(DropUnusedLayers(text, file, part.weights));
    if (Exists(folder_ / tokenizer)) part.tokenizer_folder = (folder_ / tokenizer).string();
    if (part.config.activation == TextActivation::kGelu) part.pad_token_id = 0;
    checkpoint_.text_encoders.push_back(std::move(part));
    return absl::OkStatus();
  }

  // Stable Diffusion 2 uses 23 of OpenCLIP's 24 layers; some folders store them all the same.
  absl::Status DropUnusedLayers(const std::string& text, const std::string& file,
                                WeightMap& weights) {
    constexpr const char* kLayers = "text_model.encoder.layers";
    PATCHBAY_ASSIGN_OR_RETURN(ConfigReader config, ConfigReader::Parse(text, file));
    const int64_t stored = CountChildren(weights, kLayers);
    const int64_t used = config.Integer("num_hidden_layers", stored);
    if (used > stored || used < 1) {
      return absl::InvalidArgumentError(absl::StrCat(file, " says num_hidden_layers ", used,
                                                     ", and the weights have ", stored, " layers"));
    }
    for (int64_t layer = used; layer < stored; ++layer) {
      const std::string prefix = absl::StrCat(kLayers, ".", layer, ".");
      std::erase_if(weights,
                    [&prefix](const auto& item) { return item.first.starts_with(prefix); });
      warnings().push_back(absl::StrCat(file, ": layer ", layer, " is stored and not used"));
    }
    return absl::OkStatus();
  }

  absl::Status ReadScheduler() {
    ModelDescription& description = checkpoint_.description;
    const fs::path file = folder_ / "scheduler" / "scheduler_config.json";
    Json scheduler = Json::object();
    if (Exists(file)) {
      PATCHBAY_ASSIGN_OR_RETURN(scheduler, ReadJsonObject(file));
      const auto type = scheduler.find("prediction_type");
      if (type != scheduler.end() && !type->is_null()) {
        ConfigReader config = *ConfigReader::Parse(scheduler.dump(), file.string());
        config.RequireText("prediction_type", kPredictionTypes);
        std::vector<std::string> others;
        PATCHBAY_RETURN_IF_ERROR(config.Finish(others));
        description.prediction_type = type->get<std::string>();
      }
      const auto name = scheduler.find("_class_name");
      description.edm_preconditioning = name != scheduler.end() && name->is_string() &&
                                        name->get<std::string>().starts_with("EDM");
    }
    DescribeWeights(checkpoint_);
    if (scheduler.empty()) {
      warnings().push_back("scheduler/scheduler_config.json is missing; the family's own is used");
      description.scheduler_json =
          DefaultSchedulerJson(description.family, description.prediction_type, false);
    } else {
      description.scheduler_json = scheduler.dump(2);
    }
    const bool added = checkpoint_.unet.count("add_embedding.linear_1.weight") != 0;
    description.force_zeros_for_empty_prompt = BooleanOr("force_zeros_for_empty_prompt", added);
    description.requires_aesthetics_score = BooleanOr(
        "requires_aesthetics_score", description.family == ModelFamily::kStableDiffusionXlRefiner);
    const std::string wanted = options_.prediction_type.value_or(description.prediction_type);
    return OverridePredictionType(wanted, description);
  }

  bool BooleanOr(const char* name, bool otherwise) const {
    const auto entry = index_.find(name);
    return entry != index_.end() && entry->is_boolean() ? entry->get<bool>() : otherwise;
  }

  fs::path folder_;
  const OpenCheckpointOptions& options_;
  Json index_;
  Checkpoint checkpoint_;
};

}  // namespace

absl::StatusOr<Checkpoint> OpenDiffusersFolder(const std::string& path,
                                               const OpenCheckpointOptions& options) {
  const fs::path folder(path);
  if (!Exists(folder / "model_index.json")) return WithoutIndex(folder);
  PATCHBAY_ASSIGN_OR_RETURN(Json index, ReadJsonObject(folder / "model_index.json"));
  return FolderReader(folder, options, std::move(index)).Read();
}

}  // namespace patchbay
