#ifndef PATCHBAY_HOST_FORMATS_MOMA_LAYOUT_H_
#define PATCHBAY_HOST_FORMATS_MOMA_LAYOUT_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "host/formats/safetensors.h"

namespace patchbay {

// Whether these are the tensors of MoMA's attn_adapters_projectors.th (arXiv:2404.05674): a
// dictionary of "projectors", "self_cross_attentions" and "llm_mapping".
bool IsMomaFile(const std::map<std::string, SafetensorsTensor, std::less<>>& tensors);

// Gives such tensors the names of plugins/moma/README.md, and says so in the metadata.
// INVALID_ARGUMENT names the tensors that are missing and those that do not belong there.
absl::Status RenameMoma(std::map<std::string, SafetensorsTensor, std::less<>>& tensors,
                        std::map<std::string, std::string, std::less<>>& metadata);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_MOMA_LAYOUT_H_
