#include "host/runtime/checkpoint/unet_file.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/gguf.h"
#include "host/runtime/checkpoint/checkpoint_file.h"
#include "host/runtime/checkpoint/checkpoint_parts.h"
#include "host/runtime/checkpoint/diffusers_folder.h"
#include "host/runtime/checkpoint/file_kind.h"
#include "host/runtime/checkpoint/integer_weight_file.h"
#include "host/runtime/checkpoint/single_file.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "model.diffusion_model.";

bool IsModelFolder(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "model_index.json", error);
}

// Whether `stem` is `name`, or goes on after it with a mark.
bool IsNamedAfter(const std::string& stem, const std::string& name) {
  return !name.empty() && stem.starts_with(name) &&
         (stem.size() == name.size() ||
          std::isalnum(static_cast<unsigned char>(stem[name.size()])) == 0);
}

// Of which no other U-Net takes parts.
bool HasIntegers(const fs::path& path) {
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path.string());
  return file.ok() && HasIntegerWeights(*file);
}

struct Model {
  std::string name;
  fs::path path;
  bool is_folder = false;
};

// The models of a folder that a file with this name may belong to.
std::vector<Model> ModelsBeside(const fs::path& folder, const std::string& stem) {
  std::vector<Model> models;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    if (IsModelFolder(path)) {
      models.push_back({path.filename().string(), path, true});
    } else if (path.extension() == ".safetensors") {
      models.push_back({path.stem().string(), path, false});
    }
  }
  std::erase_if(models, [&](const Model& model) {
    return !IsNamedAfter(stem, model.name) || (!model.is_folder && HasIntegers(model.path));
  });
  return models;
}

// The U-Net's tensors without their prefix. Where there is one, the others are no U-Net's.
WeightMap DenoiserTensors(const CheckpointFile& file, std::vector<std::string>& warnings) {
  const bool prefixed = HasPrefix(file.tensors, kPrefix);
  WeightMap weights;
  size_t others = 0;
  for (const auto& [name, stored] : file.tensors) {
    if (prefixed && !name.starts_with(kPrefix)) {
      ++others;
      continue;
    }
    weights.emplace(prefixed ? name.substr(kPrefix.size()) : name, stored);
  }
  if (others > 0) {
    warnings.push_back(
        absl::StrCat(file.path, ": ", others, " tensors of other components are not used"));
  }
  return weights;
}

absl::Status CheckIsUNet(const CheckpointFile& file, const WeightMap& unet) {
  if (HasPrefix(unet, "down_blocks.") && unet.count("conv_in.weight") != 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(file.path, " is ", DescribeForeignTensors(TensorNames(file.tensors))));
}

// What the U-Net takes has to be what the other parts give.
absl::Status CheckFits(const Checkpoint& checkpoint) {
  int64_t given = 0;
  for (const TextEncoderPart& part : checkpoint.text_encoders) {
    given += WeightSize(part.weights, "text_model.embeddings.token_embedding.weight", 1);
  }
  for (const auto& [name, stored] : checkpoint.unet) {
    if (!name.ends_with(".attn2.to_k.weight") || stored.tensor.size(-1) == given) continue;
    return absl::InvalidArgumentError(absl::StrCat("it takes texts ", stored.tensor.size(-1),
                                                   " numbers wide, and the text encoders give ",
                                                   given));
  }
  const int64_t drawn = WeightSize(checkpoint.unet, "conv_out.weight", 0);
  const int64_t decoded = checkpoint.autoencoder_config.latent_channels;
  if (drawn == decoded) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("it gives ", drawn, " channels, and the autoencoder takes ", decoded));
}

absl::StatusOr<Checkpoint> OpenWith(const std::string& other_parts,
                                    const OpenCheckpointOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(Checkpoint checkpoint, IsModelFolder(other_parts)
                                                       ? OpenDiffusersFolder(other_parts, options)
                                                       : OpenSingleFile(other_parts, options));
  PATCHBAY_RETURN_IF_ERROR(CheckFits(checkpoint));
  return checkpoint;
}

absl::StatusOr<Checkpoint> OpenUNet(const CheckpointFile& file,
                                    const OpenCheckpointOptions& options) {
  std::vector<std::string> warnings;
  OpenCheckpointOptions with_unet = options;
  with_unet.unet = UNetUnderDiffusersNames(DenoiserTensors(file, warnings));
  PATCHBAY_RETURN_IF_ERROR(CheckIsUNet(file, *with_unet.unet));
  PATCHBAY_ASSIGN_OR_RETURN(const std::string other_parts, FindOtherParts(file.path));
  absl::StatusOr<Checkpoint> checkpoint = OpenWith(other_parts, with_unet);
  if (!checkpoint.ok()) {
    return absl::Status(
        checkpoint.status().code(),
        absl::StrCat("cannot use ", file.path, " with the other parts of ", other_parts, ": ",
                     std::string(checkpoint.status().message())));
  }
  ModelDescription& description = checkpoint->description;
  description.path = file.path;
  description.other_parts = other_parts;
  description.warnings.insert(description.warnings.begin(), warnings.begin(), warnings.end());
  return checkpoint;
}

}  // namespace

absl::StatusOr<std::string> FindOtherParts(const std::string& path) {
  fs::path folder = fs::path(path).parent_path();
  if (folder.empty()) folder = ".";
  if (IsModelFolder(folder)) return folder.string();
  // `folder` may be "." and say nothing of its name.
  std::error_code error;
  const fs::path absolute = (fs::absolute(folder, error) / "").lexically_normal().parent_path();
  if (!error && absolute.filename() == "unet" && IsModelFolder(absolute.parent_path())) {
    if (folder.filename() != "unet") return (folder / "..").string();
    return folder.has_parent_path() ? folder.parent_path().string() : ".";
  }
  const std::string stem = fs::path(path).stem().string();
  const std::string extension = fs::path(path).extension().string();
  const std::vector<Model> models = ModelsBeside(folder, stem);
  const auto best =
      std::max_element(models.begin(), models.end(), [](const Model& a, const Model& b) {
        return std::pair(a.name.size(), a.is_folder) < std::pair(b.name.size(), b.is_folder);
      });
  if (best != models.end()) return best->path.string();
  return absl::InvalidArgumentError(absl::StrCat(
      path,
      " holds a U-Net alone; put it into the diffusers folder of the model that its text encoders "
      "and autoencoder come from, or beside that model under a name that begins with the model's: "
      "NAME-",
      stem, extension, " beside NAME.safetensors, or beside the folder NAME"));
}

absl::StatusOr<Checkpoint> OpenGgufCheckpoint(const std::string& path,
                                              const OpenCheckpointOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const GgufFile opened, GgufFile::Open(path));
  const CheckpointFile file = ContentOf(opened);
  return HoldsEveryComponent(file) ? OpenSingleFile(file, options) : OpenUNet(file, options);
}

absl::StatusOr<Checkpoint> OpenIntegerCheckpoint(const SafetensorsFile& file,
                                                 const OpenCheckpointOptions& options) {
  PATCHBAY_ASSIGN_OR_RETURN(const CheckpointFile content, OpenIntegerWeights(file));
  PATCHBAY_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenUNet(content, options));
  const auto plan = content.metadata.find(kIntegerPlanKey);
  if (plan == content.metadata.end() || plan->second.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(),
        " has integers for weights and no plan that says how layers compute (metadata ",
        std::string(kIntegerPlanKey), "); the file is damaged, make it again"));
  }
  checkpoint.integer_plan = plan->second;
  return checkpoint;
}

}  // namespace patchbay
