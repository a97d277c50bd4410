#include "plugins/outpainter/src/attention_lora.h"

#include <cmath>

namespace outpainter {
namespace {

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

std::vector<patchbay::Operator> AdaptedLayers(const patchbay::Denoiser& denoiser) {
  std::vector<patchbay::Operator> layers;
  for (const patchbay::Operator& layer : denoiser.linears()) {
    const std::string name = layer.diffusers_name();
    for (const char* end : {".to_q", ".to_k", ".to_v"}) {
      if (EndsWith(name, end)) layers.push_back(layer);
    }
  }
  return layers;
}

LoraPlace PlaceOf(const patchbay::Operator& layer) {
  return {layer.diffusers_name(), layer.info().in_channels, layer.info().out_channels};
}

AttentionLora FreshLora(const std::vector<LoraPlace>& places, int64_t rank,
                        at::Generator generator) {
  AttentionLora lora{places, {}};
  for (const LoraPlace& place : places) {
    const double bound = 1 / std::sqrt(static_cast<double>(place.inputs));
    lora.tensors.push_back(
        at::empty({rank, place.inputs}, at::kFloat).uniform_(-bound, bound, generator));
    lora.tensors.push_back(at::zeros({place.outputs, rank}, at::kFloat));
  }
  return lora;
}

at::Tensor Changed(const AttentionLora& lora, size_t place, const at::Tensor& input,
                   const at::Tensor& output, double dropout, at::Generator generator) {
  const at::Tensor down = lora.tensors.at(2 * place).to(input.device());
  const at::Tensor up = lora.tensors.at(2 * place + 1).to(input.device());
  at::Tensor seen = input.to(at::kFloat);
  if (dropout > 0) {
    const at::Tensor kept = at::rand(seen.sizes(), generator, at::kFloat) >= dropout;
    seen = seen * kept.to(seen.device()) / (1 - dropout);
  }
  const at::Tensor change = at::linear(at::linear(seen, down), up) * kLoraFactor;
  return output + change.to(output.scalar_type());
}

std::vector<std::string> TensorNames(const AttentionLora& lora) {
  std::vector<std::string> names;
  for (const LoraPlace& place : lora.places) {
    names.push_back("unet." + place.name + ".lora_A.weight");
    names.push_back("unet." + place.name + ".lora_B.weight");
  }
  return names;
}

std::map<std::string, at::Tensor> NamedTensors(const AttentionLora& lora) {
  std::map<std::string, at::Tensor> tensors;
  const std::vector<std::string> names = TensorNames(lora);
  for (size_t i = 0; i < names.size(); ++i) tensors[names[i]] = lora.tensors.at(i);
  return tensors;
}

std::map<std::string, at::Tensor> ExportedTensors(const AttentionLora& lora) {
  AttentionLora exported = lora;
  for (size_t i = 1; i < exported.tensors.size(); i += 2) {
    exported.tensors[i] = exported.tensors[i].detach() * kLoraFactor;
  }
  return NamedTensors(exported);
}

}  // namespace outpainter
