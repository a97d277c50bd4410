#ifndef PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_
#define PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_

#include "absl/status/statusor.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/common/file_folder.h"

namespace patchbay::comfyui {

// Asks the host what there is: models, plugins and their schemas. `loras` lists the host's LoRAs.
absl::StatusOr<CatalogueSources> ReadSources(HostSession& host, const FileFolder& loras,
                                             const PictureFolders& folders);

// All node classes as they are now.
absl::StatusOr<NodeCatalogue> ReadCatalogue(HostSession& host, const FileFolder& loras,
                                            const PictureFolders& folders);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_CATALOGUE_READER_H_
