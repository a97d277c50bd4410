#include <patchbay/aten.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Settings {
  double scale = 3.0;
  double adaptive = 0.0;
  std::string layers = "mid";
};

// A request can hold any expression: a deeply nested one takes the stack while it is read.
constexpr size_t kLongestLayers = 1000;

// "mid/up_blocks.0" as regular expressions, each of which picks the layers whose diffusers path or
// name of ours it is found in.
std::vector<std::regex> Selectors(const std::string& layers) {
  if (layers.size() > kLongestLayers) {
    throw patchbay::Error("layers: too long; at most " + std::to_string(kLongestLayers) +
                          " characters");
  }
  std::vector<std::regex> selectors;
  std::istringstream words(layers);
  for (std::string word; std::getline(words, word, '/');) {
    if (word.empty()) continue;
    try {
      // Without backtracking, which could take for ever.
      selectors.emplace_back(word,
                             std::regex_constants::ECMAScript | std::regex_constants::__polynomial);
    } catch (const std::regex_error& error) {
      throw patchbay::Error("layers: \"" + word + "\" is no regular expression: " + error.what());
    }
  }
  return selectors;
}

bool IsChosen(const patchbay::Attention& attention, const std::vector<std::regex>& selectors) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const std::regex& selector) {
    return std::regex_search(attention.diffusers_name(), selector) ||
           std::regex_search(attention.name(), selector);
  });
}

class PerturbedAttention final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("pag")
        .title("Perturbed-attention guidance")
        .version("1.0.0")
        .summary("Guides away from a prediction whose self-attention has lost its structure.")
        .source("arXiv:2403.17377")
        .licence("MIT");
    d.field<1>(&Settings::scale, "scale")
        .label("Scale")
        .range(0.0, 100.0)
        .soft_range(0.0, 10.0)
        .step(0.1)
        .help("How strongly. 3 is usual beside CFG; with CFG++ take 0.1 to 1.");
    d.field<2>(&Settings::adaptive, "adaptive")
        .label("Adaptive scale")
        .range(0.0, 1.0)
        .step(0.001)
        .advanced()
        .help(
            "By how much the scale falls with each training step from the noisiest, never below "
            "0.");
    d.field<3>(&Settings::layers, "layers")
        .label("Layers")
        .advanced()
        .help(
            "Which self-attentions are perturbed: regular expressions, separated by \"/\", that "
            "are "
            "looked for in their names.");
  }

  void attach(patchbay::Attach& at) const override {
    if (settings().scale == 0.0) return;
    const patchbay::Overlay perturbed = at.overlay();
    const std::vector<std::regex> selectors = Selectors(settings().layers);
    bool found = false;
    for (const patchbay::Attention& attention : at.denoiser().self_attentions()) {
      if (!IsChosen(attention, selectors)) continue;
      found = true;
      // The attention map becomes the identity: each position sees itself only.
      attention.in(perturbed).replace(
          [](const patchbay::Step&, const patchbay::AttentionCall& call) { return call.value; });
    }
    if (!found) {
      throw patchbay::Error("layers: no self-attention's name has \"" + settings().layers +
                            "\" in it");
    }
    at.guidance([settings = settings(), overlay = perturbed.number()](
                    const patchbay::Step& step, const patchbay::Guidance& g) -> at::Tensor {
      const double scale =
          std::max(0.0, settings.scale - settings.adaptive * (1000.0 - step.timestep));
      if (scale == 0.0) return {};
      const at::Tensor degraded = step.model().denoise({.latent = g.latent,
                                                        .sigma = g.sigma,
                                                        .role = PATCHBAY_ROW_CONDITIONAL,
                                                        .overlay = overlay});
      return g.guided + scale * (g.cond - degraded);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(PerturbedAttention)
