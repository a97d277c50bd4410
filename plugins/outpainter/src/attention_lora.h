#ifndef PATCHBAY_PLUGINS_OUTPAINTER_SRC_ATTENTION_LORA_H_
#define PATCHBAY_PLUGINS_OUTPAINTER_SRC_ATTENTION_LORA_H_

#include <patchbay/aten.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace outpainter {

// Low-rank changes to the layers that give attention its queries, keys and values
// (arXiv:2106.09685): y = W x + kLoraFactor up(down(x)).
inline constexpr double kLoraFactor = 2;

// A layer, by its name in diffusers: "mid_block.attentions.0.transformer_blocks.0.attn1.to_q".
struct LoraPlace {
  std::string name;
  int64_t inputs = 0;
  int64_t outputs = 0;
};

// Those of a denoiser, in the order in which the network runs.
std::vector<patchbay::Operator> AdaptedLayers(const patchbay::Denoiser& denoiser);
LoraPlace PlaceOf(const patchbay::Operator& layer);

struct AttentionLora {
  std::vector<LoraPlace> places;
  // For each place `down` [rank, inputs] and `up` [outputs, rank], in turn, fp32.
  std::vector<at::Tensor> tensors;
};

// As PEFT begins: `down` uniform within 1 / sqrt(inputs), `up` 0.
AttentionLora FreshLora(const std::vector<LoraPlace>& places, int64_t rank,
                        at::Generator generator);

// The layer's output with the change of the place. dropout: the share of the inputs that the change
// does not see, drawn from the generator; 0 for all of them.
at::Tensor Changed(const AttentionLora& lora, size_t place, const at::Tensor& input,
                   const at::Tensor& output, double dropout, at::Generator generator);

// "unet.{layer}.lora_A.weight" and "lora_B.weight", in the order of the tensors: PEFT's names, as
// diffusers and this program's --lora read them.
std::vector<std::string> TensorNames(const AttentionLora& lora);
// With these names.
std::map<std::string, at::Tensor> NamedTensors(const AttentionLora& lora);
// The same for others to read: the factor is within `up`, since diffusers reads PEFT's files
// without one.
std::map<std::string, at::Tensor> ExportedTensors(const AttentionLora& lora);

}  // namespace outpainter

#endif  // PATCHBAY_PLUGINS_OUTPAINTER_SRC_ATTENTION_LORA_H_
