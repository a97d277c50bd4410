#include "host/cli/job_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/cli/file_names.h"
#include "host/cli/output_files.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWildcardFiles = 1000;

// Adds the names of all <lora:NAME...> in a text, in lower case.
void CollectLoraNames(std::string_view text, std::set<std::string>& names) {
  constexpr std::string_view kTag = "<lora:";
  for (size_t tag = text.find(kTag); tag != std::string_view::npos;
       tag = text.find(kTag, tag + 1)) {
    const size_t begin = tag + kTag.size();
    const size_t end = text.find_first_of(":>", begin);
    names.insert(absl::AsciiStrToLower(std::string(text.substr(begin, end - begin))));
  }
}

// All .txt files of the folder, since texts of one may ask for another.
absl::Status UploadWildcards(const std::string& folder, Client& client, JobRequest& request,
                             std::set<std::string>& lora_names) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file() || entry->path().extension() != ".txt") continue;
    if (request.wildcards.size() == kMaxWildcardFiles) {
      return absl::InvalidArgumentError(
          absl::StrCat("--wildcards ", folder, " holds more than ", kMaxWildcardFiles,
                       " files, too many to send them; name a smaller folder"));
    }
    const std::string path = entry->path().string();
    PATCHBAY_ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
    if (file->bytes().empty()) continue;
    CollectLoraNames({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()},
                     lora_names);
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(path));
    const fs::path name = fs::relative(entry->path(), folder).replace_extension();
    request.wildcards.push_back({name.generic_string(), std::move(id)});
  }
  if (!error) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("--wildcards ", folder, " cannot be read: ", error.message()));
}

absl::Status UploadPromptLoras(const std::string& folder, const std::set<std::string>& names,
                               Client& client, JobRequest& request) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".safetensors") continue;
    const std::string stem = entry->path().stem().string();
    if (names.count(absl::AsciiStrToLower(stem)) == 0) continue;
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(entry->path().string()));
    request.prompt_loras.push_back({stem, std::move(id)});
  }
  if (!error) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("--lora-folder ", folder, " cannot be read: ", error.message()));
}

absl::Status UploadNamedFiles(const GenerationRequest& settings, Client& client,
                              JobRequest& request) {
  for (const std::string& embedding : settings.embeddings) {
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(embedding));
    request.embeddings.push_back({fs::path(embedding).stem().string(), std::move(id)});
  }
  std::set<std::string> lora_names;
  CollectLoraNames(settings.prompt, lora_names);
  if (!settings.wildcard_folder.empty()) {
    PATCHBAY_RETURN_IF_ERROR(
        UploadWildcards(settings.wildcard_folder, client, request, lora_names));
  }
  if (settings.lora_folder.empty() || settings.compat != CompatProfile::kA1111) {
    return absl::OkStatus();
  }
  return UploadPromptLoras(settings.lora_folder, lora_names, client, request);
}

absl::Status UploadIfNamed(const std::string& path, Client& client, std::string& id) {
  if (path.empty()) return absl::OkStatus();
  PATCHBAY_ASSIGN_OR_RETURN(id, client.Upload(path));
  return absl::OkStatus();
}

// The file's name, as far as a title may have it: with its malformed bytes replaced, by three bytes
// each, it must stay below 200.
std::string TitleOf(const std::string& path) {
  const std::string name = fs::path(path).stem().string();
  return SendableName(name.substr(std::min(name.find_first_not_of('.'), name.size()), 60));
}

}  // namespace

absl::StatusOr<JobRequest> UploadRequestFiles(const GenerateOptions& options, Client& client) {
  JobRequest request;
  request.model = options.model;
  PATCHBAY_ASSIGN_OR_RETURN(request.format, OutputFormat(options.output_file));
  PATCHBAY_RETURN_IF_ERROR(UploadIfNamed(options.image_file, client, request.image_artifact_id));
  PATCHBAY_RETURN_IF_ERROR(UploadIfNamed(options.mask_file, client, request.mask_artifact_id));
  PATCHBAY_RETURN_IF_ERROR(
      UploadIfNamed(options.initial_latent_file, client, request.initial_latent_artifact_id));
  PATCHBAY_RETURN_IF_ERROR(
      UploadIfNamed(options.start_latent_file, client, request.start_latent_artifact_id));
  const GenerationRequest& settings = options.request;
  for (const LoraChoice& lora : settings.loras) {
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(lora.path));
    request.loras.push_back(
        {std::move(id), "", lora.unet_weight, lora.text_weight, TitleOf(lora.path)});
  }
  for (const PluginFile& file : settings.plugin_files) {
    PATCHBAY_ASSIGN_OR_RETURN(std::string id, client.Upload(file.path));
    request.plugin_files.push_back({file.name, std::move(id)});
  }
  PATCHBAY_RETURN_IF_ERROR(UploadNamedFiles(settings, client, request));
  request.seed = settings.seed;
  request.settings = settings;
  // What was uploaded is named by its id.
  request.settings.image.reset();
  request.settings.mask.reset();
  request.settings.initial_latent.reset();
  request.settings.start_latent.reset();
  request.settings.loras.clear();
  request.settings.embeddings.clear();
  request.settings.plugin_files.clear();
  return request;
}

absl::StatusOr<std::vector<std::string>> SaveJobFiles(const Job& job,
                                                      const std::string& output_file,
                                                      const std::string& latent_file,
                                                      Client& client) {
  std::vector<std::string> files;
  const std::vector<Artifact>& pictures = job.result->pictures;
  for (size_t i = 0; i < pictures.size(); ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string bytes, client.Download(pictures[i].id));
    const std::string file = NumberedPath(output_file, i, pictures.size());
    PATCHBAY_RETURN_IF_ERROR(WriteFileAtomically(file, {bytes}));
    files.push_back(file);
  }
  if (!latent_file.empty() && !job.result->latent_artifact_id.empty()) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string bytes,
                              client.Download(job.result->latent_artifact_id));
    PATCHBAY_RETURN_IF_ERROR(WriteFileAtomically(latent_file, {bytes}));
  }
  return files;
}

}  // namespace patchbay
