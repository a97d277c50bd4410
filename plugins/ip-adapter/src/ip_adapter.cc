#include <patchbay/aten.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/clip_vision/src/vision_encoder.h"
#include "plugins/image_prompt/src/file_order.h"
#include "plugins/ip-adapter/src/adapter.h"
#include "plugins/ip-adapter/src/image_terms.h"
#include "plugins/ip-adapter/src/image_tokens.h"
#include "plugins/ip-adapter/src/layers.h"
#include "plugins/ip-adapter/src/mask.h"
#include "plugins/ip-adapter/src/settings.h"

namespace ip_adapter {
namespace {

// The mask that a picture's field names, undefined for none.
struct GivenMask {
  at::Tensor pixels;
  std::string field;
};

// What a pass keeps: the masks on its canvas, and the layers' terms as its network computes with
// them.
struct Pass {
  std::vector<at::Tensor> masks;              // [1, 1, H, W] or undefined
  std::vector<std::vector<ImageTerm>> terms;  // by layer; empty: not yet converted
  // Masks at queries, by their index and the queries' height and width.
  std::map<std::tuple<int, int64_t, int64_t>, at::Tensor> masks_at_queries;

  const at::Tensor& MaskAt(int mask, const patchbay::Grid& grid, const at::TensorOptions& options) {
    at::Tensor& kept = masks_at_queries[{mask, grid.height, grid.width}];
    if (!kept.defined()) {
      kept = MaskAtQueries(masks[static_cast<size_t>(mask)], grid.height, grid.width).to(options);
    }
    return kept;
  }
};

Pass Begin(const std::vector<GivenMask>& masks, size_t layers, const patchbay::Step& step) {
  Pass pass;
  pass.terms.resize(layers);
  const int64_t cell = step.model().info().pixels_per_latent_pixel;
  for (const GivenMask& mask : masks) {
    pass.masks.push_back(mask.pixels.defined()
                             ? MaskOnCanvas(mask.pixels, step.latent_height * cell,
                                            step.latent_width * cell, mask.field)
                             : at::Tensor());
  }
  return pass;
}

// One cross-attention that the pictures speak to.
struct Layer {
  size_t index = 0;  // among those of the pass
  std::vector<ImageTerm> terms;
  double begin = 0;
  double end = 1;

  // What is added to the attention's result; undefined outside of the chosen steps.
  at::Tensor operator()(const patchbay::Step& step, const patchbay::AttentionCall& call) const {
    const double done = step.fraction();
    if (done < begin || (done >= end && end < 1)) return {};
    if (static_cast<int64_t>(step.row_count) != call.query.size(0)) {
      throw patchbay::Error("the attention has " + std::to_string(call.query.size(0)) +
                                " rows, and the network's batch " + std::to_string(step.row_count),
                            PATCHBAY_INTERNAL);
    }
    const std::vector<patchbay_row_role> roles(step.rows, step.rows + step.row_count);
    Pass& pass = step.state<Pass>();
    std::vector<ImageTerm>& converted = pass.terms[index];
    if (converted.empty()) {
      for (const ImageTerm& term : terms) converted.push_back(term.To(call.query.options()));
    }
    at::Tensor sum;
    for (const ImageTerm& term : converted) {
      at::Tensor added = image_prompt::Attended(term.given, call.query, call.heads, roles);
      if (term.mask >= 0) {
        added = added * pass.MaskAt(term.mask, call.grid, call.query.options());
      }
      sum = sum.defined() ? sum + added : added;
    }
    return sum;
  }
};

// A model's cross-attentions, in the order in which the network runs.
struct CrossAttentions {
  explicit CrossAttentions(const patchbay::Denoiser& denoiser)
      : sites(denoiser.cross_attentions()) {
    std::vector<patchbay_part> parts;
    for (const patchbay::Attention& site : sites) {
      names.push_back(site.diffusers_name());
      parts.push_back(site.info().part);
    }
    order = image_prompt::FileOrder(parts);
  }
  // In the order of adapters' files.
  std::vector<CrossAttention> InFileOrder() const {
    std::vector<CrossAttention> list;
    for (const size_t i : order) list.push_back({names[i], sites[i].info().out_channels});
    return list;
  }

  patchbay::SiteList<patchbay::Attention> sites;
  std::vector<std::string> names;
  std::vector<size_t> order;  // of files, as indices of the two others
};

class IpAdapter final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("ip-adapter")
        .title("IP-Adapter")
        .version("1.0.0")
        .summary("Draws after pictures as well as after the prompt.")
        .source("arXiv:2308.06721")
        .licence("MIT")
        .repeatable();
    DescribeSettings(d);
  }

  void attach(patchbay::Attach& at) const override {
    const std::vector<ImagePrompt> prompts = ImagePromptsOf(settings());
    if (prompts.empty()) return;
    if (settings().begin >= settings().end) {
      throw patchbay::Error("begin has to be smaller than end; the picture would have no effect");
    }
    if (settings().adapter.path.empty()) {
      throw patchbay::Error(
          "there is no adapter; give one, as in adapter=ip-adapter_sd15.safetensors");
    }
    const Adapter adapter{clip_vision::Weights(tensor_file(settings().adapter))};
    const CrossAttentions attentions(at.denoiser());
    adapter.CheckFits(at.model().text_features, attentions.InFileOrder());
    const std::vector<double> weights = LayerWeights(attentions.names, at.model().family,
                                                     settings().layers, settings().block_weights);
    const auto layers = static_cast<size_t>(
        std::count_if(weights.begin(), weights.end(), [](double weight) { return weight != 0; }));
    if (layers == 0) return;
    Extend(attentions, weights, adapter, Tokens(at, adapter, prompts), prompts);
    std::vector<GivenMask> masks;
    for (const ImagePrompt& prompt : prompts) masks.push_back({prompt.mask, prompt.mask_field});
    at.begin_pass([masks = std::move(masks), layers](const patchbay::Step& step) {
      return Begin(masks, layers, step);
    });
  }

 private:
  // [2, P, n, token width]
  at::Tensor Tokens(patchbay::Attach& at, const Adapter& adapter,
                    const std::vector<ImagePrompt>& prompts) const {
    const patchbay::File file = EncoderFor(settings().adapter, settings().encoder);
    const clip_vision::VisionEncoder encoder = clip_vision::OpenVisionEncoder(tensor_file(file));
    std::vector<at::Tensor> squares;
    for (const ImagePrompt& prompt : prompts) {
      squares.push_back(clip_vision::CentreSquare(prompt.pixels, encoder.config().picture_size()));
    }
    return SharedImageTokens(at, adapter, encoder, at::stack(squares));
  }

  // Hangs the pictures on the cross-attentions whose weight is not 0.
  void Extend(const CrossAttentions& attentions, const std::vector<double>& weights,
              const Adapter& adapter, const at::Tensor& tokens,
              const std::vector<ImagePrompt>& prompts) const {
    std::vector<double> image_weights;
    std::vector<bool> has_mask;
    for (const ImagePrompt& prompt : prompts) {
      image_weights.push_back(prompt.weight);
      has_mask.push_back(prompt.mask.defined());
    }
    const bool together = settings().combine == Combination::kConcatenate &&
                          std::find(has_mask.begin(), has_mask.end(), true) == has_mask.end();
    size_t index = 0;
    for (size_t place = 0; place < attentions.order.size(); ++place) {
      const size_t i = attentions.order[place];
      if (weights[i] == 0) continue;
      const auto [keys, values] = adapter.KeysAndValues(
          place, {attentions.names[i], attentions.sites[i].info().out_channels}, tokens);
      Layer layer{index++, MakeTerms(keys, values * weights[i], image_weights, together, has_mask),
                  settings().begin, settings().end};
      attentions.sites[i].extend(std::move(layer));
    }
  }
};

}  // namespace
}  // namespace ip_adapter

PATCHBAY_PLUGIN(ip_adapter::IpAdapter)
