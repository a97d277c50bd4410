#include "host/runtime/checkpoint/folder_weights.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/formats/gguf.h"
#include "host/runtime/checkpoint/text_file.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

struct WeightFile {
  fs::path path;
  std::string variant;
  int shard = 0;   // from 1; 0 for a file that is whole
  int shards = 0;  // 0 for a file that is whole
};

// base[.variant][-00001-of-00003][.variant].safetensors
std::optional<WeightFile> ParseFileName(const fs::path& path, std::string_view base) {
  static const std::regex* const kPattern =
      new std::regex(R"((\.[^.\-]+)?(?:-(\d{1,6})-of-(\d{1,6}))?(\.[^.\-]+)?\.safetensors)");
  const std::string name = path.filename().string();
  std::smatch match;
  if (!name.starts_with(base) || !std::regex_match(name.begin() + static_cast<long>(base.size()),
                                                   name.end(), match, *kPattern)) {
    return std::nullopt;
  }
  WeightFile file;
  file.path = path;
  const std::string variant = match[1].matched ? match[1].str() : match[4].str();
  if (!variant.empty()) file.variant = variant.substr(1);
  if (match[2].matched && (!absl::SimpleAtoi(match[2].str(), &file.shard) ||
                           !absl::SimpleAtoi(match[3].str(), &file.shards))) {
    return std::nullopt;
  }
  return file;
}

bool IsPickle(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".bin" || extension == ".ckpt" || extension == ".pt" || extension == ".pth";
}

absl::Status NoWeights(const fs::path& folder, std::string_view base,
                       const std::vector<fs::path>& files) {
  for (const fs::path& file : files) {
    if (!IsPickle(file)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), " has only pickled weights (", file.filename().string(),
                     "), which can run any code when Python opens them and are therefore refused. "
                     "`patchbay convert ",
                     file.string(), " -o ", (folder / std::string(base)).string(),
                     ".safetensors` makes a file of them that cannot, and runs nothing"));
  }
  for (const fs::path& file : files) {
    if (!IsGgufPath(file.string())) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        folder.string(), " has no ", std::string(base),
        ".safetensors; to draw with the U-Net of the GGUF file in it, name that file: ",
        file.string()));
  }
  return absl::NotFoundError(absl::StrCat(folder.string(), " has no ", std::string(base),
                                          ".safetensors; the download may be incomplete"));
}

using Variants = std::map<std::string, std::vector<WeightFile>>;

absl::StatusOr<std::vector<WeightFile>> Choose(const fs::path& folder, Variants variants,
                                               std::string_view wanted) {
  if (!wanted.empty()) {
    const auto found = variants.find(std::string(wanted));
    if (found != variants.end()) return found->second;
    return absl::NotFoundError(
        absl::StrCat(folder.string(), " has no variant ", std::string(wanted), " of its weights"));
  }
  for (const char* preferred : {"", "fp16", "bf16"}) {
    if (const auto found = variants.find(preferred); found != variants.end()) return found->second;
  }
  return variants.begin()->second;
}

// Drops shards of a file that is also there whole, and checks that a set of shards is complete.
absl::StatusOr<std::vector<WeightFile>> CompleteSet(const fs::path& folder,
                                                    std::vector<WeightFile> files) {
  for (const WeightFile& file : files) {
    if (file.shards == 0) return std::vector<WeightFile>{file};
  }
  std::sort(files.begin(), files.end(),
            [](const WeightFile& a, const WeightFile& b) { return a.shard < b.shard; });
  const int shards = files.front().shards;
  for (int i = 0; i < shards || i < static_cast<int>(files.size()); ++i) {
    const bool there = i < static_cast<int>(files.size());
    if (there && files[static_cast<size_t>(i)].shard == i + 1 &&
        files[static_cast<size_t>(i)].shards == shards) {
      continue;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(), " should have ", shards, " parts of its weights, and part ",
                     i + 1, " is missing or from another set; the download may be incomplete"));
  }
  return files;
}

// The index file of these shards, if there is one.
std::optional<fs::path> FindIndex(const fs::path& folder, std::string_view base,
                                  const std::string& variant) {
  const std::string plain = absl::StrCat(std::string(base), ".safetensors.index");
  std::vector<std::string> names = {absl::StrCat(plain, ".json")};
  if (!variant.empty()) {
    names = {absl::StrCat(plain, ".", variant, ".json"),
             absl::StrCat(std::string(base), ".", variant, ".safetensors.index.json")};
  }
  for (const std::string& name : names) {
    std::error_code error;
    if (fs::exists(folder / name, error)) return folder / name;
  }
  return std::nullopt;
}

absl::Status CheckIndex(const fs::path& index, const WeightMap& weights) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(index.string()));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  const auto map = json.is_object() ? json.find("weight_map") : json.end();
  if (!json.is_object() || map == json.end() || !map->is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat(index.string(), " is not an index of weight files: no `weight_map`"));
  }
  for (const auto& [name, file] : map->items()) {
    const auto found = weights.find(name);
    const bool right = found != weights.end() && file.is_string() &&
                       fs::path(found->second.file->path()).filename() == file.get<std::string>();
    if (right) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(index.string(), " promises ", name, " in ", file.dump(),
                     ", and it is not there; the files may be from different downloads"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WeightMap> OpenFolderWeights(const std::string& folder, std::string_view base,
                                            std::string_view variant) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot list the folder ", folder, ": ", error.message()));
  }
  std::sort(entries.begin(), entries.end());
  Variants variants;
  for (const fs::path& entry : entries) {
    if (std::optional<WeightFile> file = ParseFileName(entry, base)) {
      variants[file->variant].push_back(*std::move(file));
    }
  }
  if (variants.empty()) return NoWeights(folder, base, entries);
  PATCHBAY_ASSIGN_OR_RETURN(std::vector<WeightFile> files, Choose(folder, variants, variant));
  PATCHBAY_ASSIGN_OR_RETURN(files, CompleteSet(folder, std::move(files)));

  WeightMap weights;
  for (const WeightFile& file : files) {
    PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile content,
                              SafetensorsFile::Open(file.path.string()));
    for (const auto& [name, tensor] : content.tensors()) {
      if (weights.emplace(name, ViewStoredWeight(tensor, content.file())).second) continue;
      return absl::InvalidArgumentError(absl::StrCat(folder, " holds ", name, " twice, in ",
                                                     weights.find(name)->second.file->path(),
                                                     " and in ", file.path.string()));
    }
  }
  const auto index =
      files.front().shards > 0 ? FindIndex(folder, base, files.front().variant) : std::nullopt;
  if (index) PATCHBAY_RETURN_IF_ERROR(CheckIndex(*index, weights));
  return weights;
}

}  // namespace patchbay
