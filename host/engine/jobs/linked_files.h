#ifndef PATCHBAY_HOST_ENGINE_JOBS_LINKED_FILES_H_
#define PATCHBAY_HOST_ENGINE_JOBS_LINKED_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/engine/jobs/artifact_store.h"
#include "host/engine/jobs/job_request.h"

namespace patchbay {

// What a request brings for its plugins' settings, as paths that end in the names that the request
// gives: hard links to what the store holds, FOLDER/ID/NAME. They are there as long as the folder
// is, since chains that are kept for later jobs may read them again. INVALID_ARGUMENT for what is
// no name, for one name of two contents, and for more than 256 files, NOT_FOUND for an artifact
// that is not there; both say which field of the request it is. Any thread.
absl::StatusOr<std::vector<PluginFile>> LinkPluginFiles(const std::vector<NamedArtifact>& files,
                                                        const ArtifactStore& artifacts,
                                                        const std::string& folder);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_JOBS_LINKED_FILES_H_
