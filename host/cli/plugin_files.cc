#include "host/cli/plugin_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/file_names.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// A name may have 200 bytes. Each malformed one becomes three, and a number may follow.
constexpr size_t kMaxStemBytes = 50;
constexpr size_t kMaxSuffixBytes = 12;  // .safetensors

bool Holds(const std::vector<PluginFile>& files, const std::string& name) {
  return std::any_of(files.begin(), files.end(),
                     [&](const PluginFile& file) { return file.name == name; });
}

bool IsPlainName(const std::string& text) {
  return text.find_first_of("/\\") == std::string::npos && text.front() != '.';
}

bool IsFileHere(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// As a name may be: no leading dot, no backslash, no malformed bytes.
std::string PartOfName(std::string text, size_t max_bytes) {
  std::replace(text.begin(), text.end(), '\\', '_');
  return SendableName(text.substr(0, max_bytes));
}

std::string UnusedName(const fs::path& path, const std::set<std::string>& reserved,
                       const std::vector<PluginFile>& files) {
  std::string stem = path.stem().string();
  stem.erase(0, std::min(stem.find_first_not_of('.'), stem.size()));
  stem = stem.empty() ? "file" : PartOfName(std::move(stem), kMaxStemBytes);
  const std::string suffix = PartOfName(path.extension().string(), kMaxSuffixBytes);
  std::string name = absl::StrCat(stem, suffix);
  for (int number = 2; reserved.count(name) > 0 || Holds(files, name); ++number) {
    name = absl::StrCat(stem, "-", number, suffix);
  }
  return name;
}

absl::StatusOr<std::string> NameOf(const std::string& given, const std::string& where,
                                   const std::set<std::string>& reserved,
                                   std::vector<PluginFile>& files) {
  if (!IsFileHere(given)) {
    std::error_code ignored;
    if (fs::is_directory(given, ignored)) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": not a file: ", given,
                                                     ", but a folder; name one file, for frames an "
                                                     "animation (.webp, .gif) or a video of them"));
    }
    return absl::NotFoundError(absl::StrCat(
        where, ": ", fs::exists(given, ignored) ? "not a file: " : "there is no file ", given));
  }
  // A link stays one: what belongs to a file of Hugging Face's cache lies beside the link to it.
  std::error_code error;
  const fs::path absolute = fs::absolute(given, error);
  const fs::path folder = error ? fs::path() : fs::canonical(absolute.parent_path(), error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat(where, ": ", given));
  const fs::path path = folder / absolute.filename();
  for (const PluginFile& file : files) {
    if (file.path == path.string()) return file.name;
  }
  files.push_back({UnusedName(fs::path(given).filename(), reserved, files), path.string()});
  return files.back().name;
}

}  // namespace

absl::StatusOr<std::vector<PluginFile>> NameFiles(const std::vector<TypedSettings>& typed,
                                                  bool has_server) {
  const auto is_servers = [&](const FileSetting& setting) {
    return has_server && IsPlainName(setting.file) && !IsFileHere(setting.file);
  };
  // Names of the server's that no file from here may hide.
  std::set<std::string> reserved;
  for (const TypedSettings& one : typed) {
    for (const FileSetting& setting : FileSettingsOf(one.fields, *one.settings)) {
      if (is_servers(setting)) reserved.insert(setting.file);
    }
  }
  std::vector<PluginFile> files;
  for (const TypedSettings& one : typed) {
    for (const FileSetting& setting : FileSettingsOf(one.fields, *one.settings)) {
      if (is_servers(setting)) continue;
      PATCHBAY_ASSIGN_OR_RETURN(
          std::string name,
          NameOf(setting.file, absl::StrCat(one.where, ":", setting.field), reserved, files));
      for (auto& [field, value] : *one.settings) {
        if (field == setting.field && value == setting.file) value = name;
      }
    }
  }
  return files;
}

absl::Status NamePluginFiles(const ShowPlugin& show, bool has_server, GenerationRequest& request) {
  std::vector<TypedSettings> typed;
  for (ChosenPlugin& chosen : request.plugins) {
    if (chosen.settings.empty()) continue;
    PATCHBAY_ASSIGN_OR_RETURN(PluginStatus plugin, show(chosen.id));
    typed.push_back({absl::StrCat("--plugin ", chosen.id), std::move(plugin.description.fields),
                     &chosen.settings});
  }
  PATCHBAY_ASSIGN_OR_RETURN(request.plugin_files, NameFiles(typed, has_server));
  return absl::OkStatus();
}

}  // namespace patchbay
