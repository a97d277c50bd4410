#ifndef PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_
#define PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_

#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/file_folder.h"

namespace patchbay::comfyui {

// Asks the host what there is: models, plugins and their schemas. `loras` lists the host's LoRAs.
absl::StatusOr<CatalogueSources> ReadSources(HostSession& host, const FileFolder& loras,
                                             const PictureFolders& folders);

// All node classes as they are now. The host is asked each time; the classes are made again only
// when its answers, or the folders' files, have changed. Any thread.
class CatalogueReader {
 public:
  // All three must outlive the reader.
  CatalogueReader(HostSession& host, const FileFolder& loras, const PictureFolders& folders)
      : host_(host), loras_(loras), folders_(folders) {}

  absl::StatusOr<std::shared_ptr<const NodeCatalogue>> Read();

 private:
  HostSession& host_;
  const FileFolder& loras_;
  const PictureFolders& folders_;
  std::mutex mutex_;
  std::string sources_;  // what `last_` was made from, as text
  std::shared_ptr<const NodeCatalogue> last_;
};

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_
