#include <patchbay/aten.h>

#include <algorithm>
#include <memory>
#include <string>

#include "quantized_layer.h"

namespace {

using quantizer::LayerScheme;
using quantizer::QuantizedInput;
using quantizer::QuantizedLayer;

// Layers with fewer weights gain nothing.
constexpr int64_t kSmallest = 4096;

enum class Scheme { kW8A8, kW4A8, kW4A16 };

struct Settings {
  Scheme scheme = Scheme::kW8A8;
  bool rotate = false;
  std::string keep = "conv_in/conv_out/time_embedding/add_embedding";
};

// The last activations that became bytes: an attention's queries, keys and values come from the
// same tokens.
struct Pass {
  at::Tensor tokens;
  QuantizedInput quantized;
};

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Whether other layers have the same input.
bool SharesInput(const std::string& diffusers_name) {
  return EndsWith(diffusers_name, "attn1.to_q") || EndsWith(diffusers_name, "attn1.to_k") ||
         EndsWith(diffusers_name, "attn1.to_v");
}

// The text's keys and values are computed once a prompt and before any step, where no plugin is
// asked: they stay as they are.
bool IsOfText(const std::string& diffusers_name) {
  return EndsWith(diffusers_name, "attn2.to_k") || EndsWith(diffusers_name, "attn2.to_v");
}

bool IsKept(const std::string& diffusers_name, const std::string& keep) {
  for (size_t begin = 0; begin <= keep.size();) {
    const size_t end = std::min(keep.find('/', begin), keep.size());
    const std::string part = keep.substr(begin, end - begin);
    if (!part.empty() && diffusers_name.find(part) != std::string::npos) return true;
    begin = end + 1;
  }
  return false;
}

class Quantizer final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("quantizer")
        .title("Quantizer")
        .version("1.0.0")
        .summary("Computes the denoiser's layers in 8-bit integers.")
        .source("arXiv:2405.17873")
        .licence("MIT");
    d.field<1>(&Settings::scheme, "scheme")
        .label("Scheme")
        .choices({{Scheme::kW8A8, "w8a8", "8-bit weights, 8-bit products"},
                  {Scheme::kW4A8, "w4a8", "4-bit weights, 8-bit products"},
                  {Scheme::kW4A16, "w4a16", "4-bit weights, floating-point products"}})
        .help("How layers compute: 8-bit products are faster, 4-bit weights smaller.");
    d.field<2>(&Settings::rotate, "rotate")
        .label("Rotate")
        .advanced()
        .help(
            "Rotates inputs and weights by a Hadamard matrix, which spreads outliers; more exact "
            "and a little slower.");
    d.field<3>(&Settings::keep, "keep")
        .label("Keep")
        .advanced()
        .help(
            "Layers that stay in floating point: parts of their diffusers names, separated by "
            "\"/\".");
  }

  void attach(patchbay::Attach& at) const override {
    at.pass_state<Pass>();
    for (const patchbay::Operator& layer : at.denoiser().linears()) AttachLinear(at, layer);
    for (const patchbay::Operator& layer : at.denoiser().convolutions())
      AttachConvolution(at, layer);
  }

 private:
  bool IsQuantized(const patchbay::Operator& layer) const {
    const patchbay_site& site = layer.info();
    const int64_t taps = site.kernel == 0 ? 1 : site.kernel * site.kernel;
    return site.in_channels * site.out_channels * taps >= kSmallest &&
           !IsOfText(layer.diffusers_name()) && !IsKept(layer.diffusers_name(), settings().keep);
  }

  const QuantizedLayer& Packed(patchbay::Attach& at, const patchbay::Operator& layer) const {
    LayerScheme scheme;
    scheme.weight_bits = settings().scheme == Scheme::kW8A8 ? 8 : 4;
    scheme.integer_products = settings().scheme != Scheme::kW4A16;
    scheme.rotate = settings().rotate;
    if (EndsWith(layer.diffusers_name(), "conv_shortcut")) {
      scheme.skip_split = layer.info().skip_split;
    }
    const std::string key = std::to_string(scheme.weight_bits) +
                            (scheme.integer_products ? "i" : "f") + (scheme.rotate ? "r:" : ":") +
                            layer.name();
    return at.shared(key, [&] {
      return std::make_unique<QuantizedLayer>(layer.weight(), layer.bias(), scheme);
    });
  }

  void AttachLinear(patchbay::Attach& at, const patchbay::Operator& layer) const {
    if (!IsQuantized(layer)) return;
    const QuantizedLayer& packed = Packed(at, layer);
    const bool shares_input = packed.integer_products() && SharesInput(layer.diffusers_name());
    layer.replace([&packed, shares_input](const patchbay::Step& step, const at::Tensor& x,
                                          const at::Tensor&) {
      if (!shares_input) return packed.Forward(x);
      Pass& pass = step.state<Pass>();
      if (!pass.tokens.is_same(x)) {
        pass.quantized = packed.Quantize(x);
        pass.tokens = x;
      }
      return packed.Multiply(pass.quantized, x);
    });
  }

  void AttachConvolution(patchbay::Attach& at, const patchbay::Operator& layer) const {
    if (!IsQuantized(layer)) return;
    const QuantizedLayer& packed = Packed(at, layer);
    layer.replace([&packed, kernel = layer.info().kernel](const patchbay::Step& step,
                                                          const at::Tensor& x, const at::Tensor&) {
      const patchbay::ConvolutionGeometry geometry = step.geometry();
      return packed.Forward(x, {.kernel = kernel,
                                .stride = geometry.stride,
                                .padding = geometry.padding,
                                .dilation = geometry.dilation});
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(Quantizer)
