#include "host/runtime/prompt/wildcard_folder.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/unicode.h"
#include "host/runtime/prompt/wildcards.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".txt";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
// For the error that lists what there is.
constexpr size_t kMaxListed = 30;
constexpr size_t kMaxVisited = 10'000;

bool LeavesFolder(std::string_view name) {
  const fs::path path(name);
  return path.is_absolute() ||
         std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

bool IsWithin(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first ==
         folder.end();
}

std::vector<std::string> LinesOf(std::string_view content) {
  if (content.starts_with(kByteOrderMark)) content.remove_prefix(kByteOrderMark.size());
  std::vector<std::string> lines;
  while (!content.empty()) {
    const size_t end = std::min(content.find('\n'), content.size());
    const std::string_view line = StripWhiteSpace(content.substr(0, end));
    if (!line.empty() && line[0] != '#') lines.emplace_back(line);
    content.remove_prefix(std::min(end + 1, content.size()));
  }
  return lines;
}

// The names of all wildcards in a folder, sorted; not all when there are very many files.
std::vector<std::string> NamesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  size_t visited = 0;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied,
                                         error);
  for (; !error && entry != fs::recursive_directory_iterator() && visited < kMaxVisited;
       entry.increment(error), ++visited) {
    const fs::path& path = entry->path();
    std::error_code unknown;
    if (path.extension() != kExtension || !entry->is_regular_file(unknown)) continue;
    names.push_back(path.lexically_relative(folder).replace_extension().generic_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

absl::StatusOr<const std::vector<std::string>*> WildcardFolder::Lines(std::string_view name) {
  if (const auto known = lines_.find(name); known != lines_.end()) return &known->second;
  PATCHBAY_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error || size > kMaxWildcardFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("wildcard file ", path, error ? " cannot be read" : " is larger than ",
                     error ? "" : absl::StrCat(kMaxWildcardFileBytes, " bytes"), "; replace it"));
  }
  std::ifstream file(path, std::ios::binary);
  std::string content(size, '\0');
  file.read(content.data(), static_cast<std::streamsize>(size));
  if (file.bad() || !file.is_open()) {
    return absl::InvalidArgumentError(absl::StrCat("wildcard file ", path, " cannot be read"));
  }
  content.resize(static_cast<size_t>(file.gcount()));
  if (content.find('\0') != content.npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("wildcard file ", path, " holds a zero byte; it is no text file"));
  }
  std::vector<std::string> lines = LinesOf(ReplaceMalformedUtf8(content));
  if (lines.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "wildcard file ", path, " has no line to choose; lines that start with # do not count"));
  }
  return &lines_.emplace(std::string(name), std::move(lines)).first->second;
}

absl::StatusOr<std::string> WildcardFolder::PathOf(std::string_view name) const {
  const auto refused = [&] {
    return absl::InvalidArgumentError(absl::StrCat("wildcard __", std::string(name),
                                                   "__ leads out of the wildcard folder; names are "
                                                   "relative to it and may not contain \"..\""));
  };
  if (LeavesFolder(name)) return refused();
  std::error_code error;
  const fs::path folder = fs::canonical(folder_, error);
  if (error || !fs::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat("wildcard __", std::string(name),
                                            "__: there is no wildcard folder ",
                                            folder_.empty() ? "configured" : folder_));
  }
  // canonical() resolves symbolic links, so that these cannot lead out either.
  const fs::path file =
      fs::canonical(folder / fs::path(absl::StrCat(std::string(name), ".txt")), error);
  if (error) return NotFound(name);
  if (!IsWithin(file, folder)) return refused();
  if (!fs::is_regular_file(file, error)) return NotFound(name);
  return file.string();
}

absl::Status WildcardFolder::NotFound(std::string_view name) const {
  std::vector<std::string> names = NamesIn(folder_);
  const size_t left_out = names.size() > kMaxListed ? names.size() - kMaxListed : 0;
  names.resize(names.size() - left_out);
  return absl::NotFoundError(
      absl::StrCat("there is no wildcard __", std::string(name), "__ in ", folder_, "; there ",
                   names.empty() ? "are none" : absl::StrCat("are: ", absl::StrJoin(names, ", ")),
                   left_out > 0 ? absl::StrCat(" and ", left_out, " more") : ""));
}

}  // namespace patchbay
