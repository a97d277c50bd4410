#ifndef PATCHBAY_PLUGINS_IP_ADAPTER_SRC_ADAPTER_H_
#define PATCHBAY_PLUGINS_IP_ADAPTER_SRC_ADAPTER_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "plugins/clip_vision/src/weights.h"

namespace ip_adapter {

// How an adapter turns a picture into tokens.
enum class Projection {
  kPlain,  // the picture's embedding through one linear layer
  kPlus,   // the encoder's states through a Perceiver resampler (arXiv:2204.14198)
  kFull    // each of the encoder's states through a small network ("full face")
};

// A cross-attention of the model, as an adapter must fit it.
struct CrossAttention {
  std::string name;      // its diffusers path
  int64_t channels = 0;  // of its keys and values
};

// An IP-Adapter's file (arXiv:2308.06721): the image projection's tensors under "image_proj.", and
// "ip_adapter.N.to_k_ip.weight" and "...to_v_ip.weight" with N = 1, 3, 5... Errors are
// patchbay::Error and name the file and the tensor.
class Adapter {
 public:
  // Recognises the layout; throws where it is none of an IP-Adapter.
  explicit Adapter(clip_vision::Weights weights);

  Projection projection() const { return projection_; }
  const clip_vision::Weights& weights() const { return weights_; }
  // Of a token; also the width of the text that the adapter was made for.
  int64_t token_width() const { return token_width_; }
  // How many numbers the projection takes: of a picture's embedding (kPlain) or of a state.
  int64_t input_width() const { return input_width_; }

  // Throws unless the adapter is for a text of this width and for these cross-attentions, which
  // stand in the file's order (see image_prompt::FileOrder).
  void CheckFits(int64_t text_features, const std::vector<CrossAttention>& attentions) const;

  // Tokens [..., token_width] to keys and values [..., channels] of the attention at this place of
  // the file's order.
  std::pair<at::Tensor, at::Tensor> KeysAndValues(size_t place, const CrossAttention& attention,
                                                  const at::Tensor& tokens) const;

 private:
  void CheckPlaces(size_t count) const;

  clip_vision::Weights weights_;
  Projection projection_ = Projection::kPlain;
  int64_t token_width_ = 0;
  int64_t input_width_ = 0;
};

}  // namespace ip_adapter

#endif  // PATCHBAY_PLUGINS_IP_ADAPTER_SRC_ADAPTER_H_
