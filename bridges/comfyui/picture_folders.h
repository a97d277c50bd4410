#ifndef PATCHBAY_BRIDGES_COMFYUI_PICTURE_FOLDERS_H_
#define PATCHBAY_BRIDGES_COMFYUI_PICTURE_FOLDERS_H_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bridges/common/json.h"

namespace patchbay::comfyui {

// The folders input, output and temp of a ComfyUI server, below one folder. No name leads out of
// them. Any thread.
class PictureFolders {
 public:
  // Makes the folders. The temporary one is emptied.
  static absl::StatusOr<std::unique_ptr<PictureFolders>> Make(const std::string& root);

  // The path of a file; `type` is "input", "output" or "temp". INVALID_ARGUMENT for another type,
  // PERMISSION_DENIED for a name that leads out of the folder, by ".." or by a link.
  absl::StatusOr<std::string> PathOf(const std::string& type, const std::string& subfolder,
                                     const std::string& name) const;
  // The path of a name as nodes write it: "sub/x.png", "x.png [output]".
  absl::StatusOr<std::string> AnnotatedPath(const std::string& name) const;

  // Pictures of the input folder, by name.
  std::vector<std::string> InputPictures() const;
  // Files of latents of the input folder, by name.
  std::vector<std::string> InputLatents() const;

  // Stores an upload and returns {name, subfolder, type}: the same content under the same name is
  // kept as it is; other content gets the name with " (1)" and so on, unless `overwrite`.
  absl::StatusOr<Json> StoreUpload(const std::string& type, const std::string& subfolder,
                                   const std::string& name, std::string_view bytes, bool overwrite);

  // Writes `bytes` as <prefix>_00001_<suffix> with the next free number and returns {filename,
  // subfolder, type}. The prefix may name a sub-folder;
  // PERMISSION_DENIED as PathOf.
  absl::StatusOr<Json> StoreNumbered(const std::string& type, const std::string& prefix,
                                     const std::string& suffix, std::string_view bytes);

 private:
  std::vector<std::string> InputFiles(const std::vector<std::string>& suffixes) const;

  explicit PictureFolders(std::string root) : root_(std::move(root)) {}

  const std::string root_;
  std::mutex numbering_;
};

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PICTURE_FOLDERS_H_
