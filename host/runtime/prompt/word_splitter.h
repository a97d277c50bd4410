#ifndef PATCHBAY_HOST_RUNTIME_PROMPT_WORD_SPLITTER_H_
#define PATCHBAY_HOST_RUNTIME_PROMPT_WORD_SPLITTER_H_

#include <string_view>
#include <vector>

namespace patchbay {

// Cuts cleaned text (well-formed, lower case) into the words that byte-pair encoding works on:
// English contractions ('s 't 're 've 'm 'll 'd), runs of letters, single digits, runs of anything
// else; white space is dropped. The words point into `text`.
// Source: openai/CLIP, simple_tokenizer.py; transformers, tokenization_clip.py.
std::vector<std::string_view> SplitIntoWords(std::string_view text);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PROMPT_WORD_SPLITTER_H_
