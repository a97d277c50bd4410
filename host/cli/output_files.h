#ifndef PATCHBAY_HOST_CLI_OUTPUT_FILES_H_
#define PATCHBAY_HOST_CLI_OUTPUT_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/cli/generate_options.h"
#include "host/engine/jobs/picture_format.h"

namespace patchbay {

// By the suffix of the file that the user wants. INVALID_ARGUMENT for others than .png, .jpg,
// .webp.
absl::StatusOr<PictureFormat> OutputFormat(const std::string& path);

// Whether what the options name can be written, before minutes are spent on what could not be
// saved.
absl::Status CheckOutputPaths(const GenerateOptions& options);

// "out.png" for one picture; "out-1.png", "out-2.png" ... for several.
std::string NumberedPath(const std::string& path, size_t index, size_t count);

// What is said once the pictures are saved: one JSON object, or a line for each picture and the
// warnings.
void PrintReport(const GenerationReport& report, double load_seconds,
                 const std::vector<std::string>& files, bool json);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPUT_FILES_H_
