#include "host/engine/jobs/linked_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/engine/jobs/request_field.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 256;

absl::StatusOr<std::string> Linked(const NamedArtifact& file, const ArtifactStore& artifacts,
                                   const fs::path& folder) {
  const auto stored = artifacts.PathOf(file.artifact_id);
  if (!stored.ok()) return AboutRequestField("plugin_files.artifact_id", stored.status());
  // The id is well-formed, or there would be no such artifact.
  const fs::path link = folder / file.artifact_id / file.name;
  std::error_code error;
  fs::create_directories(link.parent_path(), error);
  fs::create_hard_link(*stored, link, error);
  // Another request may have made it.
  if (!error || error == std::errc::file_exists) return link.string();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", link.string()));
}

}  // namespace

absl::StatusOr<std::vector<PluginFile>> LinkPluginFiles(const std::vector<NamedArtifact>& files,
                                                        const ArtifactStore& artifacts,
                                                        const std::string& folder) {
  if (files.size() > kMaxFiles) {
    return AboutRequestField(
        "plugin_files", absl::InvalidArgumentError(
                            absl::StrCat(files.size(), " files; a request may bring ", kMaxFiles)));
  }
  std::vector<PluginFile> linked;
  for (const NamedArtifact& file : files) {
    PATCHBAY_RETURN_IF_ERROR(CheckRequestName("plugin_files.name", file.name));
    const auto same = std::find_if(linked.begin(), linked.end(), [&file](const PluginFile& other) {
      return other.name == file.name;
    });
    if (same != linked.end()) {
      if (same->digest == file.artifact_id) continue;
      return AboutRequestField("plugin_files.name",
                               absl::InvalidArgumentError(absl::StrCat(
                                   "\"", file.name, "\" is the name of two different files")));
    }
    PATCHBAY_ASSIGN_OR_RETURN(std::string path, Linked(file, artifacts, folder));
    linked.push_back({file.name, std::move(path), file.artifact_id});
  }
  return linked;
}

}  // namespace patchbay
