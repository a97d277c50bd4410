#ifndef PATCHBAY_BRIDGES_WEBUI_PROMPT_FILES_H_
#define PATCHBAY_BRIDGES_WEBUI_PROMPT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bridges/webui/context.h"

namespace patchbay::webui {

// Sends the files that the prompts call by name, embeddings and wildcards, and names them in
// `settings`. Wildcards that wildcards call come along.
absl::Status AddPromptFiles(Context& context, v1::GenerationSettings& settings);

// Takes <lora:name:weight> out of the prompt where there is no such file, as A1111 does, and says
// so in `comments`. Without a folder of LoRAs the server is to judge, and the prompt stays as it
// is.
std::string WithoutUnknownLoras(const std::string& prompt, const FileFolder& loras,
                                std::vector<std::string>& comments);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_PROMPT_FILES_H_
