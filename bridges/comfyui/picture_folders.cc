#include "bridges/comfyui/picture_folders.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;
constexpr size_t kMaxListed = 10'000;
constexpr size_t kMaxName = 200;

bool EndsWithAny(const std::string& name, const std::vector<std::string>& suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [&name](const std::string& suffix) {
    return absl::EndsWithIgnoreCase(name, suffix);
  });
}

bool HasControlCharacter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), absl::ascii_iscntrl);
}

bool IsInside(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// The number of "prefix_00012_.png"; 0 for other names.
int NumberOf(const std::string& name, const std::string& prefix) {
  if (!absl::StartsWith(name, absl::StrCat(prefix, "_"))) return 0;
  const size_t begin = prefix.size() + 1;
  int number = 0;
  return absl::SimpleAtoi(name.substr(begin, name.find('_', begin) - begin), &number) ? number : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PictureFolders>> PictureFolders::Make(const std::string& root) {
  std::error_code error;
  fs::remove_all(fs::path(root) / "temp", error);
  for (const char* name : {"input", "output", "temp"}) {
    fs::create_directories(fs::path(root) / name, error);
    if (error) {
      return absl::PermissionDeniedError(
          absl::StrCat("the folder ", root, "/", name, " cannot be made: ", error.message()));
    }
  }
  return std::unique_ptr<PictureFolders>(new PictureFolders(fs::canonical(root, error).string()));
}

absl::StatusOr<std::string> PictureFolders::PathOf(const std::string& type,
                                                   const std::string& subfolder,
                                                   const std::string& name) const {
  if (type != "input" && type != "output" && type != "temp") {
    return absl::InvalidArgumentError("the type must be input, output or temp");
  }
  const bool broken = name.empty() || name.size() > kMaxName || subfolder.size() > kMaxName ||
                      HasControlCharacter(name) || HasControlCharacter(subfolder);
  if (broken || fs::path(name).is_absolute() || fs::path(subfolder).is_absolute()) {
    return absl::PermissionDeniedError("this file name is not allowed");
  }
  const fs::path folder = fs::path(root_) / type;
  const fs::path path = (folder / subfolder / name).lexically_normal();
  std::error_code error;
  // Links are followed before the comparison.
  const fs::path real = fs::weakly_canonical(path, error);
  if (error || !IsInside(path, folder) || !IsInside(real, folder)) {
    return absl::PermissionDeniedError("this file name leads out of its folder");
  }
  return path.string();
}

absl::StatusOr<std::string> PictureFolders::AnnotatedPath(const std::string& name) const {
  for (const char* type : {"input", "output", "temp"}) {
    const std::string tail = absl::StrCat(" [", type, "]");
    if (absl::EndsWith(name, tail))
      return PathOf(type, "", name.substr(0, name.size() - tail.size()));
  }
  return PathOf("input", "", name);
}

std::vector<std::string> PictureFolders::InputPictures() const {
  return InputFiles({".png", ".jpg", ".jpeg", ".webp"});
}

std::vector<std::string> PictureFolders::InputLatents() const { return InputFiles({".latent"}); }

std::vector<std::string> PictureFolders::InputFiles(
    const std::vector<std::string>& suffixes) const {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(fs::path(root_) / "input", error), end;
       !error && entry != end && names.size() < kMaxListed; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (entry->is_regular_file(error) && EndsWithAny(name, suffixes)) {
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<Json> PictureFolders::StoreUpload(const std::string& type,
                                                 const std::string& subfolder,
                                                 const std::string& name, std::string_view bytes,
                                                 bool overwrite) {
  if (name.find('/') != name.npos || name.find('\\') != name.npos) {
    return absl::PermissionDeniedError("this file name is not allowed");
  }
  const fs::path given(name);
  std::string chosen = name;
  for (int number = 1;; ++number) {
    BRIDGE_ASSIGN_OR_RETURN(const std::string path, PathOf(type, subfolder, chosen));
    std::error_code error;
    const bool taken = !overwrite && fs::exists(path, error);
    const auto same = taken ? ReadWholeFile(path, kMaxFileBytes) : absl::StatusOr<std::string>("");
    if (!taken || (same.ok() && *same == bytes)) {
      fs::create_directories(fs::path(path).parent_path(), error);
      if (!taken) BRIDGE_RETURN_IF_ERROR(WriteWholeFile(path, bytes));
      return Json{{"name", chosen}, {"subfolder", subfolder}, {"type", type}};
    }
    chosen = absl::StrCat(given.stem().string(), " (", number, ")", given.extension().string());
  }
}

absl::StatusOr<Json> PictureFolders::StoreNumbered(const std::string& type,
                                                   const std::string& prefix,
                                                   const std::string& suffix,
                                                   std::string_view bytes) {
  // Graphs that were made on Windows have its separator.
  const fs::path given(absl::StrReplaceAll(prefix, {{"\\", "/"}}));
  const std::string subfolder = given.parent_path().generic_string();
  std::string stem = given.filename().string();
  if (stem.empty()) stem = "ComfyUI";
  const std::lock_guard lock(numbering_);
  BRIDGE_ASSIGN_OR_RETURN(const std::string sample, PathOf(type, subfolder, stem + "_"));
  std::error_code error;
  const fs::path folder = fs::path(sample).parent_path();
  fs::create_directories(folder, error);
  int last = 0;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    last = std::max(last, NumberOf(entry->path().filename().string(), stem));
  }
  const std::string name = absl::StrFormat("%s_%05d_%s", stem, last + 1, suffix);
  BRIDGE_RETURN_IF_ERROR(WriteWholeFile((folder / name).string(), bytes));
  return Json{{"filename", name}, {"subfolder", subfolder}, {"type", type}};
}

}  // namespace patchbay::comfyui
