#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_JSON_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_JSON_H_

#include <string>

#include "plugins/llava/src/tokenizer.h"

namespace llava {

// The file tokenizer.json of Hugging Face's tokenizers. `name` is what errors call it. Throws
// patchbay::Error when it is malformed or of another kind.
TokenizerDefinition ReadTokenizerJson(const std::string& text, const std::string& name);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_TOKENIZER_JSON_H_
