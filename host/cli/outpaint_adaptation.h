#ifndef PATCHBAY_HOST_CLI_OUTPAINT_ADAPTATION_H_
#define PATCHBAY_HOST_CLI_OUTPAINT_ADAPTATION_H_

#include <string>

#include "absl/status/status.h"
#include "host/cli/outpaint_options.h"
#include "host/cli/plugin_action_command.h"
#include "host/cli/temporary_folder.h"

namespace patchbay {

// Whether --save-adapter can be written, and leads to none of the files that are read or drawn. To
// be asked before anything is trained.
absl::Status CheckSavedAdapter(const OutpaintOptions& options, const GenerateOptions& generate);

// Runs the action adapt of the plugin animatediff on a clip's first frames, as many as an action
// takes at once, on the canvas that they are to fill, and writes what it makes to `adapter_file`.
// The clip is read anew. With --save-adapter the training's state is kept beside it, also when it
// is cancelled.
absl::Status AdaptToClip(const OutpaintOptions& options, const GenerateOptions& generate,
                         const TemporaryFolder& folder, const ActionProgram& run,
                         const std::string& adapter_file);

// Runs the action adapt of the plugin outpainter on the picture and its references, and writes the
// LoRA that it makes to `lora_file`; the state likewise.
absl::Status AdaptToReferences(const OutpaintOptions& options, const GenerateOptions& generate,
                               const ActionProgram& run, const std::string& lora_file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPAINT_ADAPTATION_H_
