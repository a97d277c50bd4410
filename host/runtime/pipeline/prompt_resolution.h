#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_PROMPT_RESOLUTION_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_PROMPT_RESOLUTION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// A request's prompts without what must be settled before any text is encoded.
struct ResolvedPrompts {
  // One for each picture of the batch: its wildcards are chosen by its own seed, the request's plus
  // the picture's number.
  std::vector<std::string> positive;
  std::vector<std::string> negative;
  // The request's own, then those that the prompt of the first picture asks for (A1111:
  // <lora:...>).
  std::vector<LoraChoice> loras;
  std::vector<std::string> warnings;
};

// Reads the request's wildcard folder and looks LoRA names up in its LoRA folder. NOT_FOUND names
// the file that is missing and what is there; INVALID_ARGUMENT names the tag that cannot be met.
absl::StatusOr<ResolvedPrompts> ResolvePrompts(const GenerationRequest& request);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_PROMPT_RESOLUTION_H_
