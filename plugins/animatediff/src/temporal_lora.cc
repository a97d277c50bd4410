#include "plugins/animatediff/src/temporal_lora.h"

namespace animatediff {
namespace {

// Calls visit(change) for every place, in the one order that there is.
template <typename Lora, typename Visit>
void ForEach(Lora& lora, const Visit& visit) {
  for (auto& layer : lora.layers) {
    for (auto& attention : layer.attentions) {
      visit(attention.query);
      visit(attention.key);
      visit(attention.value);
    }
    visit(layer.feed_out);
  }
}

}  // namespace

ModuleLora EmptyLora(const MotionModule& module) {
  ModuleLora lora;
  for (const TemporalLayer& layer : module.layers) {
    lora.layers.push_back({std::vector<ModuleLora::Attention>(layer.attentions.size()), LowRank()});
  }
  return lora;
}

std::vector<LoraPlace> PlacesOf(const MotionModule& module, ModuleLora& lora) {
  std::vector<LoraPlace> places;
  for (size_t n = 0; n < module.layers.size(); ++n) {
    const TemporalLayer& layer = module.layers[n];
    const std::string of_layer =
        "temporal_transformer.transformer_blocks." + std::to_string(n) + ".";
    for (size_t a = 0; a < layer.attentions.size(); ++a) {
      const TemporalAttention& attention = layer.attentions[a];
      ModuleLora::Attention& changes = lora.layers[n].attentions[a];
      const std::string of_attention = of_layer + "attention_blocks." + std::to_string(a) + ".";
      const auto add = [&](const char* name, LowRank& change, const at::Tensor& weight) {
        places.push_back({of_attention + name, &change, weight.size(1), weight.size(0)});
      };
      add("to_q", changes.query, attention.query);
      add("to_k", changes.key, attention.key);
      add("to_v", changes.value, attention.value);
    }
    const at::Tensor& weight = layer.feed_out.weight;
    places.push_back(
        {of_layer + "ff.net.2", &lora.layers[n].feed_out, weight.size(1), weight.size(0)});
  }
  return places;
}

std::vector<at::Tensor> TensorsOf(const ModuleLora& lora) {
  std::vector<at::Tensor> tensors;
  ForEach(lora, [&](const LowRank& change) {
    tensors.push_back(change.down);
    tensors.push_back(change.up);
  });
  return tensors;
}

ModuleLora LoraOf(const ModuleLora& layout, const std::vector<at::Tensor>& tensors) {
  ModuleLora lora = layout;
  size_t next = 0;
  ForEach(lora, [&](LowRank& change) {
    change.down = tensors.at(next++);
    change.up = tensors.at(next++);
  });
  return lora;
}

}  // namespace animatediff
