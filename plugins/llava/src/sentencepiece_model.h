#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_SENTENCEPIECE_MODEL_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_SENTENCEPIECE_MODEL_H_

#include <string>

#include "plugins/llava/src/tokenizer.h"

namespace llava {

// The file tokenizer.model of SentencePiece (its sentencepiece_model.proto), with byte-pair
// encoding and without rules of its own for characters, as LLaMA's is. Of two neighbours it joins
// those that make the piece with the highest score. `name` is what errors call it. Throws
// patchbay::Error when it is damaged or of another kind.
TokenizerDefinition ReadSentencePieceModel(const std::string& bytes, const std::string& name);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_SENTENCEPIECE_MODEL_H_
