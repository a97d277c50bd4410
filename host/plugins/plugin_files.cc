#include "host/plugins/plugin_files.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/formats/frames.h"
#include "host/formats/picture.h"
#include "host/runtime/hooks/tensor_handle.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

absl::Status Missing(const std::string& name, bool has_folder) {
  return absl::InvalidArgumentError(
      absl::StrCat("there is no file \"", name.substr(0, 80), "\"; send it with the request, or ",
                   has_folder ? "put it into the server's folder of plugins' files"
                              : "give the server a folder with it (serve --plugin-files)"));
}

absl::StatusOr<std::string> PathIn(const std::string& folder, const std::string& name) {
  const bool is_plain = !name.empty() && name.front() != '.' &&
                        name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
  if (folder.empty() || !is_plain) return Missing(name, !folder.empty());
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  // canonical() resolves symbolic links, so that these cannot lead out.
  const fs::path path = error ? fs::path() : fs::canonical(root / name, error);
  if (error) return Missing(name, true);
  const auto [end, ignored] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (end != root.end() || !fs::is_regular_file(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" in the server's folder is no file of this folder"));
  }
  return path.string();
}

absl::Status AboutFile(const absl::Status& status, const PluginFile& file) {
  return absl::Status(status.code(), absl::StrCat("\"", file.name, "\": ", status.message()));
}

absl::StatusOr<Picture> Decoded(const PluginFile& file) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(file.path));
  absl::StatusOr<Picture> picture = DecodePicture(mapped->bytes());
  if (!picture.ok()) return AboutFile(picture.status(), file);
  return picture;
}

// Of one size, at least one.
absl::StatusOr<std::vector<Picture>> DecodedFrames(const PluginFile& file) {
  absl::StatusOr<std::vector<Picture>> frames = ReadAllFrames(file.path);
  if (!frames.ok()) return AboutFile(frames.status(), file);
  return frames;
}

// [1, 4, H, W] in 0..1. What has no opacity is opaque, and grey is the same in all colours.
at::Tensor RgbaTensor(const Picture& picture) {
  // A plugin may train with it, which it could not with a tensor of inference mode.
  const c10::InferenceMode no_inference_mode(false);
  const at::Tensor bytes =
      at::from_blob(const_cast<uint8_t*>(picture.pixels.data()),
                    {1, picture.height, picture.width, picture.channels}, at::kByte)
          .permute({0, 3, 1, 2});
  at::Tensor rgba = at::ones({1, 4, picture.height, picture.width}, at::kFloat);
  const int64_t given = picture.channels == 4 ? 4 : 3;
  rgba.narrow(1, 0, given).copy_(bytes).div_(255);
  return rgba;
}

// [F, 4, H, W] of frames of one size.
at::Tensor RgbaTensor(const std::vector<Picture>& frames) {
  const c10::InferenceMode no_inference_mode(false);
  const Picture& first = frames.front();
  at::Tensor rgba =
      at::empty({static_cast<int64_t>(frames.size()), 4, first.height, first.width}, at::kFloat);
  for (size_t i = 0; i < frames.size(); ++i) {
    rgba.narrow(0, static_cast<int64_t>(i), 1).copy_(RgbaTensor(frames[i]));
  }
  return rgba;
}

absl::StatusOr<at::Tensor> PictureTensor(const PluginFile& file, bool has_frames) {
  if (has_frames) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::vector<Picture> frames, DecodedFrames(file));
    return RgbaTensor(frames);
  }
  PATCHBAY_ASSIGN_OR_RETURN(const Picture picture, Decoded(file));
  return RgbaTensor(picture);
}

absl::StatusOr<std::shared_ptr<AtenTensorOpaque>> PictureHandle(const PluginFile& file,
                                                                bool has_frames) {
  PATCHBAY_ASSIGN_OR_RETURN(at::Tensor rgba, PictureTensor(file, has_frames));
  return std::shared_ptr<AtenTensorOpaque>(NewHandle(std::move(rgba)),
                                           [](AtenTensorOpaque* handle) { Adopted(handle); });
}

absl::Status AboutField(const absl::Status& status, const std::string& field) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("setting \"", field, "\": ", status.message()));
}

// A file may be written anew in place, and another may be put in its place.
std::string StateOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "gone";
  return absl::StrCat(status.st_dev, " ", status.st_ino, " ", status.st_size, " ",
                      status.st_mtim.tv_sec, ".", status.st_mtim.tv_nsec, " ",
                      status.st_ctim.tv_sec, ".", status.st_ctim.tv_nsec);
}

}  // namespace

absl::StatusOr<PluginFile> PluginFiles::Find(const std::string& name) const {
  const auto found = std::find_if(from_request_.begin(), from_request_.end(),
                                  [&](const PluginFile& file) { return file.name == name; });
  if (found != from_request_.end()) return *found;
  PATCHBAY_ASSIGN_OR_RETURN(std::string path, PathIn(folder_, name));
  return PluginFile{name, std::move(path)};
}

absl::Status PluginFiles::Check(const FileSetting& setting) const {
  const absl::StatusOr<PluginFile> file = Find(setting.file);
  if (!file.ok()) return AboutField(file.status(), setting.field);
  if (!setting.is_picture) return absl::OkStatus();
  return AboutField(setting.has_frames ? DecodedFrames(*file).status() : Decoded(*file).status(),
                    setting.field);
}

absl::StatusOr<std::string> PluginFiles::IdentityOf(const FileSetting& setting) const {
  const absl::StatusOr<PluginFile> file = Find(setting.file);
  if (!file.ok()) return AboutField(file.status(), setting.field);
  return file->digest.empty() ? absl::StrCat(file->path, " ", StateOf(file->path)) : file->digest;
}

SettingResources PluginFiles::Resources() const {
  const auto files = std::make_shared<const PluginFiles>(*this);
  return {[files](const std::string& name) -> absl::StatusOr<std::string> {
            PATCHBAY_ASSIGN_OR_RETURN(const PluginFile file, files->Find(name));
            return fs::absolute(file.path).string();
          },
          [files](const std::string& name,
                  bool has_frames) -> absl::StatusOr<std::shared_ptr<AtenTensorOpaque>> {
            PATCHBAY_ASSIGN_OR_RETURN(const PluginFile file, files->Find(name));
            return PictureHandle(file, has_frames);
          }};
}

}  // namespace patchbay
