#ifndef PATCHBAY_BRIDGES_COMFYUI_PROMPT_VALIDATION_H_
#define PATCHBAY_BRIDGES_COMFYUI_PROMPT_VALIDATION_H_

#include <set>
#include <string>
#include <vector>

#include "bridges/comfyui/node_class.h"

namespace patchbay::comfyui {

// Whether an input's value is a link: a list. What a literal list stands in is {"__value__":
// [...]}.
bool IsLink(const Json& value);

struct ValidatedPrompt {
  Json error;  // null, or why nothing of the prompt can run: {type, message, details, extra_info}
  Json node_errors = Json::object();  // by node id: {errors, dependent_outputs, class_type}
  std::vector<std::string> outputs;   // output nodes that can run
};

// Checks a graph as ComfyUI does (execution.py, validate_prompt), with its error types and texts,
// and converts literals to their inputs' types in place. `targets`: only these outputs; empty: all.
ValidatedPrompt ValidatePrompt(const NodeCatalogue& catalogue, const PictureFolders& folders,
                               const std::set<std::string>& targets, Json& prompt);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PROMPT_VALIDATION_H_
