#include "store_action.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "attached_layers.h"
#include "plugins/safetensors/src/safetensors_bytes.h"

namespace quantizer {
namespace {

using Json = nlohmann::json;

// A file for each so many bytes: no copy of all of them has to be in memory.
constexpr size_t kFileBytes = size_t{16} << 20;

// The action draws nothing; that the layer is replaced lets the host do without its weight, so that
// no more than one of them is in memory at a time.
void DoWithout(const patchbay::Operator& layer, const LayerScheme& scheme, uint64_t bytes) {
  layer.replace([](const patchbay::Step&, const at::Tensor&, const at::Tensor&) -> at::Tensor {
    throw patchbay::Error("the action stores integers; it does not run the network");
  });
  Release(layer, scheme.weight_bits, bytes);
}

// Weights on their way into a file.
class IntegerFile {
 public:
  void Add(const std::string& weight, const std::vector<int64_t>& shape,
           const PlannedLayer& planned, const std::vector<StoredWeight>& parts) {
    Json inputs = Json::array();
    for (size_t i = 0; i < parts.size(); ++i) {
      const std::string prefix = weight + "." + std::to_string(i) + ".";
      inputs.push_back(parts[i].inputs);
      AddTensor(prefix + "integers", parts[i].integers);
      AddTensor(prefix + "steps", parts[i].steps);
      if (parts[i].multiples.defined()) AddTensor(prefix + "multiples", parts[i].multiples);
    }
    weights_[weight] = {{"shape", shape},
                        {"bits", planned.weight_bits},
                        {"rotated", planned.rotate},
                        {"inputs", std::move(inputs)}};
  }
  size_t bytes() const { return bytes_; }
  std::string Content() const {
    const Json entries = {{"format", "patchbay-integer-weights/1"}, {"weights", weights_}};
    return safetensors::SafetensorsBytes(tensors_, {{"patchbay.integer_weights", entries.dump()}});
  }

 private:
  void AddTensor(const std::string& name, const at::Tensor& tensor) {
    bytes_ += tensor.nbytes();
    tensors_[name] = tensor;
  }

  Json weights_ = Json::object();
  std::map<std::string, at::Tensor> tensors_;
  size_t bytes_ = 0;
};

}  // namespace

void StoreAction::Describe(patchbay::ActionFields<StoreSettings>& d) {
  d.title("Store integers")
      .help(
          "Gives the quantised layers' integers and their plan; patchbay model quantize makes a "
          "model's file of them.");
}

void StoreAction::Attach(patchbay::Attach& at, const Settings& settings) {
  const LayerSelection selection = SelectionOf(settings, at);
  plan_.model = at.model().fingerprint;
  for (const DenoiserLayer& layer : LayersOf(at)) {
    const auto scheme = selection.SchemeOf(layer.facts);
    if (!scheme) continue;
    const auto [weight, bias] = layer.site.weight_and_bias();
    const QuantizedLayer packed(weight, bias, *scheme);
    const PlannedLayer& planned = selection.PlannedFor(layer.facts);
    plan_.layers[layer.facts.diffusers_name] = planned;
    layers_.push_back({layer.facts.diffusers_name, weight.sizes().vec(), planned, packed.Stored()});
    DoWithout(layer.site, *scheme, packed.bytes());
  }
}

void StoreAction::Run(const patchbay::Action& action) {
  int files = 0;
  IntegerFile file;
  for (size_t i = 0; i < layers_.size(); ++i) {
    action.check_cancelled();
    const Layer layer = std::exchange(layers_[i], {});
    file.Add(layer.diffusers_name + ".weight", layer.shape, layer.planned, layer.parts);
    const bool is_last = i + 1 == layers_.size();
    if (file.bytes() < kFileBytes && !is_last) continue;
    action.result("integers-" + std::to_string(++files) + ".safetensors", file.Content());
    file = IntegerFile();
    action.progress(static_cast<double>(i + 1) / static_cast<double>(layers_.size()),
                    std::to_string(i + 1) + " of " + std::to_string(layers_.size()) + " layers");
  }
  action.result("plan.json", WritePlan(plan_));
}

}  // namespace quantizer
