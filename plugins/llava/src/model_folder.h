#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_MODEL_FOLDER_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_MODEL_FOLDER_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "plugins/llava/src/tokenizer.h"

namespace llava {

// The files of a model as Hugging Face's hub has them: config.json, tokenizer.json or, where there
// is none, tokenizer.model, and weights in one or more safetensors files.
struct ModelFolder {
  std::string config;  // paths
  std::string tokenizer;
  std::vector<std::string> weights;  // in alphabetical order
};

// The folder in which this config.json lies, whatever its name. Throws patchbay::Error and says
// what is missing there.
ModelFolder FindModelFolder(const std::string& config_path);

// Reads either kind of tokenizer. Throws patchbay::Error where it is malformed or of another kind.
Tokenizer OpenTokenizer(const ModelFolder& folder);

// A file of at most 64 MiB. Throws patchbay::Error where it cannot be read.
std::string ReadText(const std::string& path);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_MODEL_FOLDER_H_
