#ifndef PATCHBAY_BRIDGES_WEBUI_PROMPT_STYLES_H_
#define PATCHBAY_BRIDGES_WEBUI_PROMPT_STYLES_H_

#include <string>
#include <string_view>
#include <vector>

namespace patchbay::webui {

// A prompt style of A1111's styles.csv (modules/styles.py).
struct PromptStyle {
  std::string name, prompt, negative_prompt;
};

// Reads a CSV text with the columns name, prompt, negative_prompt and a heading line (RFC 4180).
std::vector<PromptStyle> ParseStyles(std::string_view csv);

// `prompt` with the style's text: in place of "{prompt}" where the style has it, else behind a
// comma.
std::string WithStyle(const std::string& prompt, const std::string& style);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_PROMPT_STYLES_H_
