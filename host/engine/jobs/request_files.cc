#include "host/engine/jobs/request_files.h"

#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/request_field.h"
#include "host/formats/picture.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kTitleDigits = 12;  // of an artifact's id, for a LoRA without a title

absl::StatusOr<Picture> ReadPicture(const std::string& field, const std::string& id,
                                    const ArtifactStore& artifacts) {
  const auto read = [&]() -> absl::StatusOr<Picture> {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string path, artifacts.PathOf(id));
    PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
    return DecodePicture(file->bytes());
  };
  absl::StatusOr<Picture> picture = read();
  if (!picture.ok()) return AboutRequestField(field, picture.status());
  return picture;
}

absl::StatusOr<LatentBuffer> ReadLatent(const std::string& id, const ArtifactStore& artifacts) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string path, artifacts.PathOf(id));
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  const auto found = file.tensors().find("latent");
  if (found == file.tensors().end() || found->second.type != ElementType::kFloat32 ||
      found->second.shape.size() != 4) {
    return absl::InvalidArgumentError(
        "the file must hold a tensor \"latent\" of type F32 and shape [B, C, h, w]");
  }
  LatentBuffer latent;
  latent.shape = found->second.shape;
  latent.values.resize(found->second.bytes.size() / sizeof(float));
  std::memcpy(latent.values.data(), found->second.bytes.data(), found->second.bytes.size());
  return latent;
}

absl::StatusOr<std::optional<LatentBuffer>> ReadLatentIfNamed(const char* field,
                                                              const std::string& id,
                                                              const ArtifactStore& artifacts) {
  if (id.empty()) return std::optional<LatentBuffer>();
  auto latent = ReadLatent(id, artifacts);
  if (!latent.ok()) return AboutRequestField(field, latent.status());
  return std::optional<LatentBuffer>(*std::move(latent));
}

absl::StatusOr<std::string> FindNamedLora(const std::string& name, const std::string& folder) {
  PATCHBAY_RETURN_IF_ERROR(CheckRequestName("loras.name", name));
  const fs::path path = fs::path(folder) / absl::StrCat(name, ".safetensors");
  std::error_code ignored;
  if (!folder.empty() && fs::is_regular_file(path, ignored)) return path.string();
  return AboutRequestField(
      "loras.name", absl::NotFoundError(absl::StrCat(
                        "the server has no LoRA \"", name,
                        "\"; upload it as an artifact, or put it into the server's folder")));
}

absl::StatusOr<LoraChoice> ResolveLora(const JobLora& lora, const ArtifactStore& artifacts,
                                       const std::string& folder) {
  LoraChoice choice{"", lora.unet_weight, lora.text_weight};
  if (lora.artifact_id.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(choice.path, FindNamedLora(lora.name, folder));
    return choice;
  }
  if (!lora.title.empty()) PATCHBAY_RETURN_IF_ERROR(CheckRequestName("loras.title", lora.title));
  auto path = artifacts.PathOf(lora.artifact_id);
  if (!path.ok()) return AboutRequestField("loras.artifact_id", path.status());
  choice.title = lora.title.empty() ? lora.artifact_id.substr(0, kTitleDigits) : lora.title;
  choice.path = *std::move(path);
  return choice;
}

// `folders`: names may lead into sub-folders.
absl::Status CheckNamed(const char* field, const std::vector<NamedArtifact>& files, bool folders,
                        const ArtifactStore& artifacts) {
  for (const NamedArtifact& file : files) {
    const std::vector<std::string> parts =
        folders ? absl::StrSplit(file.name, '/') : std::vector<std::string>{file.name};
    for (const std::string& part : parts) {
      PATCHBAY_RETURN_IF_ERROR(CheckRequestName(absl::StrCat(field, ".name"), part));
    }
    const absl::Status found = artifacts.Find(file.artifact_id).status();
    if (!found.ok()) return AboutRequestField(absl::StrCat(field, ".artifact_id"), found);
  }
  return absl::OkStatus();
}

absl::Status Failed(const std::error_code& error, const fs::path& path) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", path.string()));
}

// Hard links, since prompts refuse to follow symbolic ones out of their folder; the store is on the
// same file system. A name that is given twice: the last one counts.
absl::Status LinkAll(const std::vector<NamedArtifact>& files, const ArtifactStore& artifacts,
                     const fs::path& folder, const char* suffix) {
  std::error_code error;
  for (const NamedArtifact& file : files) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string target, artifacts.PathOf(file.artifact_id));
    const fs::path link = folder / absl::StrCat(file.name, suffix);
    fs::create_directories(link.parent_path(), error);
    fs::remove(link, error);
    fs::create_hard_link(target, link, error);
    if (error) return Failed(error, link);
  }
  return absl::OkStatus();
}

// The server's LoRAs beside those that a request brings.
absl::Status LinkServerLoras(const std::string& lora_folder, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  for (fs::recursive_directory_iterator entry(lora_folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".safetensors") continue;
    const fs::path link = folder / entry->path().filename();
    std::error_code failure;
    fs::create_symlink(fs::absolute(entry->path()), link, failure);
    if (failure && failure != std::errc::file_exists) return Failed(failure, link);
  }
  return absl::OkStatus();
}

// Where `<lora:name>` in the prompt finds its file; empty: nowhere.
absl::StatusOr<std::string> PromptLoraFolder(const JobRequest& request,
                                             const ArtifactStore& artifacts,
                                             const std::string& lora_folder,
                                             const fs::path& folder) {
  if (request.prompt_loras.empty()) return lora_folder;
  if (!lora_folder.empty()) PATCHBAY_RETURN_IF_ERROR(LinkServerLoras(lora_folder, folder));
  PATCHBAY_RETURN_IF_ERROR(LinkAll(request.prompt_loras, artifacts, folder, ".safetensors"));
  return folder.string();
}

}  // namespace

absl::StatusOr<GenerationRequest> ReadRequestFiles(const JobRequest& request,
                                                   const ArtifactStore& artifacts,
                                                   const std::string& lora_folder) {
  GenerationRequest settings = request.settings;
  if (request.seed.has_value()) settings.seed = *request.seed;
  PATCHBAY_RETURN_IF_ERROR(CheckNamed("embeddings", request.embeddings, false, artifacts));
  PATCHBAY_RETURN_IF_ERROR(CheckNamed("wildcards", request.wildcards, true, artifacts));
  PATCHBAY_RETURN_IF_ERROR(CheckNamed("prompt_loras", request.prompt_loras, false, artifacts));
  for (const JobLora& lora : request.loras) {
    PATCHBAY_ASSIGN_OR_RETURN(LoraChoice choice, ResolveLora(lora, artifacts, lora_folder));
    settings.loras.push_back(std::move(choice));
  }
  if (!request.image_artifact_id.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(
        settings.image, ReadPicture("image_artifact_id", request.image_artifact_id, artifacts));
  }
  if (!request.mask_artifact_id.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(settings.mask,
                              ReadPicture("mask_artifact_id", request.mask_artifact_id, artifacts));
  }
  PATCHBAY_ASSIGN_OR_RETURN(settings.initial_latent,
                            ReadLatentIfNamed("initial_latent_artifact_id",
                                              request.initial_latent_artifact_id, artifacts));
  PATCHBAY_ASSIGN_OR_RETURN(
      settings.start_latent,
      ReadLatentIfNamed("start_latent_artifact_id", request.start_latent_artifact_id, artifacts));
  return settings;
}

absl::StatusOr<JobFolder> JobFolder::Make(std::string path, const JobRequest& request,
                                          const ArtifactStore& artifacts,
                                          const std::string& lora_folder,
                                          GenerationRequest& settings) {
  std::error_code error;
  fs::remove_all(path, error);
  fs::create_directories(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", path));
  JobFolder folder(std::move(path));
  const fs::path root(folder.path_);
  PATCHBAY_RETURN_IF_ERROR(
      LinkAll(request.embeddings, artifacts, root / "embeddings", ".safetensors"));
  for (const NamedArtifact& file : request.embeddings) {
    settings.embeddings.push_back(
        (root / "embeddings" / absl::StrCat(file.name, ".safetensors")).string());
  }
  PATCHBAY_RETURN_IF_ERROR(LinkAll(request.wildcards, artifacts, root / "wildcards", ".txt"));
  if (!request.wildcards.empty()) settings.wildcard_folder = (root / "wildcards").string();
  PATCHBAY_ASSIGN_OR_RETURN(settings.lora_folder,
                            PromptLoraFolder(request, artifacts, lora_folder, root / "loras"));
  return folder;
}

JobFolder::JobFolder(JobFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

JobFolder::~JobFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace patchbay
