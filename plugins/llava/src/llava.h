#ifndef PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_H_
#define PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plugins/clip_vision/src/vision_encoder.h"
#include "plugins/clip_vision/src/weights.h"
#include "plugins/llava/src/llama_decoder.h"
#include "plugins/llava/src/llava_config.h"
#include "plugins/llava/src/tokenizer.h"

namespace llava {

// A text with a picture in it.
struct PictureText {
  std::string before;
  std::string after;
};

// LLaVA 1.5 (arXiv:2310.03744): a LLaMA that reads a picture as tokens, which a projector makes of
// what CLIP's vision encoder sees. Runs in fp32 on the CPU, its weights read while it runs. One
// thread at a time.
class Llava {
 public:
  // All three throw patchbay::Error when the parts do not go together, or when a text has one of
  // the tokenizer's special tokens.
  Llava(const clip_vision::Weights& weights, const LlavaConfig& config, Tokenizer tokenizer);

  // Pixels of a side of the square picture that it sees.
  int64_t picture_size() const { return vision_.config().picture_size(); }

  // The begin token and those of what is before the picture, and those of what is after it, as the
  // LLaVA authors' code has them: each part is a text of its own.
  std::vector<int64_t> TokensBefore(const PictureText& text) const;
  std::vector<int64_t> TokensAfter(const PictureText& text) const;

  // [width], the last hidden state at the text's last token, behind the last norm. The picture is
  // one that clip_vision::Normalised() gives, [1, 3, S, S]. `progress` is called with 0 to 1 often
  // enough to cancel in it.
  at::Tensor LastState(const at::Tensor& picture, const PictureText& text,
                       const std::function<void(double)>& progress) const;

 private:
  // [tokens of the picture, width]
  at::Tensor PictureTokens(const at::Tensor& picture) const;
  std::vector<int64_t> Encode(const std::string& text) const;

  LlavaConfig config_;
  clip_vision::Weights weights_;
  clip_vision::VisionEncoder vision_;
  LlamaDecoder decoder_;
  Tokenizer tokenizer_;
};

}  // namespace llava

#endif  // PATCHBAY_PLUGINS_LLAVA_SRC_LLAVA_H_
