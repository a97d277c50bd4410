#include "attached_layers.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device_layer.h"
#include "quantized_layer.h"
#include "settings.h"

namespace quantizer {
namespace {

// The last activations that became bytes: an attention's queries, keys and values come from the
// same tokens.
struct Pass {
  at::Tensor tokens;
  QuantizedInput quantized;
};

// Null where the model's file does not have what the scheme wants.
std::unique_ptr<QuantizedLayer> FromFile(const DenoiserLayer& layer, const LayerScheme& scheme) {
  const std::optional<patchbay::IntegerWeight> stored = layer.site.integer_weight();
  const bool fits = stored && stored->bits == scheme.weight_bits &&
                    stored->rotated == scheme.rotate &&
                    stored->parts.size() == (scheme.skip_split == 0 ? 1 : 2) &&
                    (scheme.skip_split == 0 || stored->parts[0].inputs == scheme.skip_split);
  if (!fits) return nullptr;
  std::vector<StoredWeight> parts;
  for (const patchbay::IntegerWeight::Part& part : stored->parts) {
    parts.push_back({part.inputs, part.integers, part.steps, part.multiples});
  }
  return std::make_unique<QuantizedLayer>(parts, layer.site.info().kernel, stored->bias, scheme);
}

std::unique_ptr<QuantizedLayer> Packed(const DenoiserLayer& layer, const LayerScheme& scheme) {
  if (auto stored = FromFile(layer, scheme)) return stored;
  const auto [weight, bias] = layer.site.weight_and_bias();
  return std::make_unique<QuantizedLayer>(weight.cpu(), bias.defined() ? bias.cpu() : bias, scheme);
}

std::unique_ptr<DeviceLayer> OnDevice(const DenoiserLayer& layer, const LayerScheme& scheme,
                                      at::Device device) {
  const std::unique_ptr<QuantizedLayer> packed = Packed(layer, scheme);
  return std::make_unique<DeviceLayer>(packed->Stored(), layer.site.info().kernel, packed->bias(),
                                       scheme, device);
}

Geometry GeometryOf(int64_t kernel, const patchbay::Step& step) {
  const patchbay::ConvolutionGeometry geometry = step.geometry();
  return {.kernel = kernel,
          .stride = geometry.stride,
          .padding = geometry.padding,
          .dilation = geometry.dilation};
}

// Hangs `quantised` in the place of a linear layer or a convolution.
template <class Layer>
void Replace(const patchbay::Operator& layer, const Layer* quantised) {
  if (layer.info().kind == PATCHBAY_SITE_LINEAR) {
    layer.replace([quantised](const patchbay::Step&, const at::Tensor& x, const at::Tensor&) {
      return quantised->Forward(x);
    });
    return;
  }
  layer.replace([quantised, kernel = layer.info().kernel](const patchbay::Step& step,
                                                          const at::Tensor& x, const at::Tensor&) {
    return quantised->Forward(x, GeometryOf(kernel, step));
  });
}

// For layers beside each other: their input becomes bytes once.
void ReplaceSharing(const patchbay::Operator& layer, const QuantizedLayer* quantised) {
  layer.replace([quantised](const patchbay::Step& step, const at::Tensor& x, const at::Tensor&) {
    Pass& pass = step.state<Pass>();
    if (!pass.tokens.is_same(x)) {
      pass.quantized = quantised->Quantize(x);
      pass.tokens = x;
    }
    return quantised->Multiply(pass.quantized, x);
  });
}

}  // namespace

void Release(const patchbay::Operator& layer, int bits, uint64_t bytes) {
  try {
    layer.release_weights("int" + std::to_string(bits), bytes);
  } catch (const patchbay::Error& error) {
    if (error.status() != PATCHBAY_FAILED_PRECONDITION) throw;
  }
}

void AttachLayers(patchbay::Attach& at, const LayerSelection& selection) {
  const at::Device device = DeviceOf(at);
  at.pass_state<Pass>();
  for (const DenoiserLayer& layer : LayersOf(at)) {
    const std::optional<LayerScheme> scheme = selection.SchemeOf(layer.facts);
    if (!scheme) continue;
    const std::string key = layer.site.name() + " " + KeyOf(*scheme);
    if (!device.is_cpu()) {
      const DeviceLayer* const quantised =
          &at.shared(key, [&] { return OnDevice(layer, *scheme, device); });
      Replace(layer.site, quantised);
      Release(layer.site, scheme->weight_bits, quantised->bytes());
    } else {
      const QuantizedLayer* const packed = &at.shared(key, [&] { return Packed(layer, *scheme); });
      const bool shares_input =
          packed->has_plain_input() && SharesInput(layer.facts.diffusers_name);
      shares_input ? ReplaceSharing(layer.site, packed) : Replace(layer.site, packed);
      Release(layer.site, scheme->weight_bits, packed->bytes());
    }
  }
}

}  // namespace quantizer
