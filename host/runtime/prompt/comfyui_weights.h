#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_WEIGHTS_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_WEIGHTS_H_

#include <string_view>
#include <vector>

#include "host/runtime/prompt/weighted_text.h"

namespace patchbay {

// Reads ComfyUI's round brackets: every level multiplies the weight by 1.1, but (x:w) sets it to w
// whatever stands around it. "\(" and "\)" are plain brackets. Unbalanced brackets are text, except
// that an unclosed one borrows the text's last character if that is a closing bracket.
//
// The text must be well-formed UTF-8. Takes linear time. Weights "inf" and "nan", which ComfyUI
// accepts, are read as text.
// Source: ComfyUI, comfy/sd1_clip.py, token_weights() and parse_parentheses().
std::vector<WeightedText> ParseComfyuiWeights(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_COMFYUI_WEIGHTS_H_
