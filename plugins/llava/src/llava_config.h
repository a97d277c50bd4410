#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_CONFIG_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_CONFIG_H_

#include <cstdint>
#include <string>

namespace llava {

// The sizes of a LLaMA (arXiv:2302.13971) or of what is built like it.
struct LlamaConfig {
  int64_t width = 0;  // of a hidden state
  int64_t feed_forward = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t key_heads = 0;  // of keys and values; fewer than heads: grouped-query attention
  int64_t head_width = 0;
  int64_t vocabulary = 0;
  int64_t positions = 0;  // the most tokens of a text
  int64_t begin = 1;      // the token that a text begins with
  double norm_epsilon = 1e-6;
  double rope_base = 10000;
};

// Who has named the tensors.
enum class Layout {
  kTransformers,  // transformers' LlavaForConditionalGeneration
  kOriginal       // the LLaVA authors' repository, and so MoMA's
};

struct LlavaConfig {
  Layout layout = Layout::kTransformers;
  LlamaConfig language;
  std::string json;  // the whole file
};

// From a config.json. `name` is what errors call it. Throws patchbay::Error when it is malformed,
// belongs to no LLaVA, or asks for something that is not known here.
LlavaConfig ReadLlavaConfig(const std::string& json, const std::string& name);

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_CONFIG_H_
