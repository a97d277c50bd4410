#include <patchbay/aten.h>

#include <algorithm>
#include <vector>

#include "schedule.h"
#include "windows.h"

namespace {

using hidiffusion::ActiveEdits;
using hidiffusion::Network;
using hidiffusion::TimingChoice;

enum class Passes { kFirst, kAll };
enum class UpMode { kNearest, kBicubic };

struct Settings {
  bool raunet = true;
  bool window_attention = true;
  double min_scale = 1.5;
  std::vector<int64_t> shifts;
  TimingChoice::Aggressive aggressive = TimingChoice::Aggressive::kAuto;
  double t1 = -1;
  double t2 = -1;
  double aggressive_fraction = 0.16;
  UpMode up_mode = UpMode::kNearest;
  Passes passes = Passes::kFirst;
};

// Where the method edits a network; found from its structure, so that any width and depth will do.
struct Places {
  explicit Places(const patchbay::Denoiser& denoiser)
      : network(denoiser.self_attentions().at_scale(1).empty() ? Network::kAttentionBelow
                                                               : Network::kAttentionFromTop) {
    const auto downsamples = denoiser.downsamples();
    // Blocks of the encoder: each but the last ends in a downsampler.
    levels = static_cast<int32_t>(downsamples.size()) + 1;
    layers = static_cast<int32_t>(denoiser.resnets().in_block(PATCHBAY_PART_DOWN, 0).size());
    if (levels < 3) {
      throw patchbay::Error(
          "HiDiffusion needs a U-Net of at least three resolutions; this one has " +
          std::to_string(levels));
    }
  }

  int32_t strided_block() const { return network == Network::kAttentionFromTop ? 0 : 1; }
  int32_t upsampling_block() const { return levels - 2 - strided_block(); }
  // After the first resnet, with its attention, of down block 1: behind the first convolution,
  // block 0 and its downsampler.
  size_t pooling_stage() const { return static_cast<size_t>(1 + layers + 1); }
  // Before the last resnet of the up block that mirrors it.
  size_t unpooling_stage() const {
    return static_cast<size_t>((levels - 2) * (layers + 1) + layers);
  }

  Network network;
  int32_t levels;
  int32_t layers;
};

// Whether the method is on in this pass at all.
bool IsOn(const Settings& settings, const patchbay::Step& step) {
  if (settings.passes == Passes::kFirst && step.pass != PATCHBAY_PASS_FIRST) return false;
  const double scale = std::max(
      static_cast<double>(step.latent_height) / static_cast<double>(step.native_latent_height),
      static_cast<double>(step.latent_width) / static_cast<double>(step.native_latent_width));
  return scale >= settings.min_scale;
}

class HiDiffusion final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("hidiffusion")
        .title("HiDiffusion")
        .version("1.0.0")
        .summary(
            "Pictures of two to four times the model's size, without repeated objects and faster.")
        .source("arXiv:2311.17528")
        .licence("MIT")
        .conflicts("deep-shrink");
    d.field<1>(&Settings::raunet, "raunet")
        .label("Resolution-aware U-Net")
        .help(
            "Lets the deep blocks see maps of the size they were trained on during the first "
            "steps; "
            "this is what cures repeated objects.");
    d.field<2>(&Settings::window_attention, "window_attention")
        .label("Window attention")
        .help(
            "Self-attention of the largest maps within four moving windows; this is what is "
            "faster.");
    d.field<3>(&Settings::min_scale, "min_scale")
        .label("From size")
        .range(0.0, 64.0)
        .soft_range(1.0, 4.0)
        .step(0.1)
        .unit(PATCHBAY_UNIT_RATIO)
        .help(
            "Acts when the longer side is at least so many times the model's own. The official "
            "code "
            "has no such limit (0).");
    d.field<4>(&Settings::shifts, "shifts")
        .label("Window shifts")
        .range(0, 3)
        .advanced()
        .help(
            "How far windows are moved, in quarters of a window: one number for each windowed "
            "attention of each step in the order of running, from the beginning again when they "
            "are "
            "used up. Empty: drawn from the seed.");
    d.field<5>(&Settings::aggressive, "aggressive")
        .label("Aggressive mode")
        .advanced()
        .help(
            "SDXL: the strided convolution in the very first steps, and pooling after them. Auto: "
            "below 4096 pixels, and not for inpainting models or Playground.")
        .choices({{TimingChoice::Aggressive::kAuto, "auto", "Auto"},
                  {TimingChoice::Aggressive::kOn, "on", "On"},
                  {TimingChoice::Aggressive::kOff, "off", "Off"}});
    d.field<6>(&Settings::t1, "t1")
        .label("T1")
        .range(-1.0, 1.0)
        .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
        .advanced()
        .help("Share of the steps with the longer of the two edits; -1: by model and size.");
    d.field<7>(&Settings::t2, "t2")
        .label("T2")
        .range(-1.0, 1.0)
        .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
        .advanced()
        .help("Share of the steps with the shorter of the two edits; -1: by model and size.");
    d.field<8>(&Settings::aggressive_fraction, "aggressive_fraction")
        .label("Aggressive steps")
        .range(0.0, 1.0)
        .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
        .advanced()
        .help("Share of the steps that aggressive mode gives to the strided convolution.");
    d.field<9>(&Settings::up_mode, "up_mode")
        .label("Enlarging")
        .advanced()
        .help("How the map behind the strided convolution grows again. The official code: nearest.")
        .choices(
            {{UpMode::kNearest, "nearest", "Nearest"}, {UpMode::kBicubic, "bicubic", "Bicubic"}});
    d.field<10>(&Settings::passes, "passes")
        .label("Passes")
        .help("A second pass over an enlarged picture has its structure already.")
        .choices({{Passes::kFirst, "first", "The first"}, {Passes::kAll, "all", "All"}});
  }

  void attach(patchbay::Attach& at) const override {
    const patchbay::Denoiser denoiser = at.denoiser();
    const Places places(denoiser);
    if (settings().raunet) AttachResolutionAwareUNet(denoiser, places, at.model());
    if (settings().window_attention) AttachWindows(denoiser, places);
  }

 private:
  void AttachResolutionAwareUNet(const patchbay::Denoiser& denoiser, const Places& places,
                                 const patchbay_model_info& model) const {
    const bool few_steps = (model.flags & PATCHBAY_MODEL_FEW_STEPS) != 0;
    const bool may_be_aggressive =
        (model.flags & PATCHBAY_MODEL_INPAINTING) == 0 && model.prediction != PATCHBAY_PREDICTS_EDM;
    const auto edits = [settings = settings(), network = places.network, few_steps,
                        may_be_aggressive](const patchbay::Step& step) -> ActiveEdits {
      if (!IsOn(settings, step)) return {};
      const hidiffusion::Timing timing = ChooseTiming(
          network, {step.latent_height, step.latent_width}, few_steps, may_be_aggressive,
          {settings.t1, settings.t2, settings.aggressive, settings.aggressive_fraction});
      return EditsAt(network, timing, step.index, step.step_count);
    };

    denoiser.downsample(places.strided_block())
        .geometry([edits](const patchbay::Step& step, patchbay::ConvolutionGeometry geometry) {
          if (edits(step).strided_convolution)
            geometry = {.stride = 4, .padding = 2, .dilation = 2};
          return geometry;
        });
    if (settings().up_mode == UpMode::kBicubic) {
      denoiser.upsample(places.upsampling_block())
          .target(
              [edits](const patchbay::Step& step, patchbay::Size, patchbay::UpsampleTarget target) {
                if (edits(step).strided_convolution) target.mode = PATCHBAY_RESIZE_BICUBIC;
                return target;
              });
    }
    denoiser.encoder_stages()
        .at(places.pooling_stage())
        .before_skip([edits](const patchbay::Step& step, const at::Tensor& x) -> at::Tensor {
          if (!edits(step).pooling) return {};
          return at::avg_pool2d(x, {2, 2}, {2, 2}, 0, /*ceil_mode=*/true);
        });
    denoiser.decoder_stages()
        .at(places.unpooling_stage())
        .join([edits](const patchbay::Step& step, const at::Tensor& below,
                      const at::Tensor& skip) -> patchbay::Join {
          if (!edits(step).pooling) return {};
          // The skip connection comes from before the pooling and so has its size.
          return {.below = at::upsample_bicubic2d(below, {skip.size(2), skip.size(3)}, false),
                  .skip = {}};
        });
  }

  // The largest maps that have attention; of deep transformers the first two blocks.
  static patchbay::SiteList<patchbay::Attention> WindowedSites(const patchbay::Denoiser& denoiser,
                                                               const Places& places) {
    const int32_t scale = places.network == Network::kAttentionFromTop ? 1 : 2;
    return denoiser.self_attentions().at_scale(scale).where([](const patchbay_site& site) {
      const std::string name = site.diffusers_name;
      return name.find("transformer_blocks.0.") != std::string::npos ||
             name.find("transformer_blocks.1.") != std::string::npos;
    });
  }

  void AttachWindows(const patchbay::Denoiser& denoiser, const Places& places) const {
    const auto sites = WindowedSites(denoiser, places);
    for (size_t i = 0; i < sites.size(); ++i) {
      // The same for all runs of the network within a step: windows that moved between the prompt
      // and its negative would be noise to guidance.
      const auto shift = [settings = settings(), i,
                          count = sites.size()](const patchbay::Step& step) {
        const std::vector<int64_t>& given = settings.shifts;
        if (given.empty()) return static_cast<int64_t>(step.model().uniform(i) * 4.0);
        return given[(static_cast<size_t>(step.index) * count + i) % given.size()];
      };
      sites[i].before([settings = settings(), shift](const patchbay::Step& step,
                                                     const patchbay::Grid& grid,
                                                     const at::Tensor& tokens) -> at::Tensor {
        if (!IsOn(settings, step)) return {};
        return hidiffusion::ToWindows(tokens, {grid.height, grid.width}, shift(step));
      });
      sites[i].after([settings = settings(), shift](const patchbay::Step& step,
                                                    const patchbay::Grid& grid,
                                                    const at::Tensor& tokens) -> at::Tensor {
        if (!IsOn(settings, step)) return {};
        return hidiffusion::FromWindows(tokens, {grid.height, grid.width}, shift(step));
      });
    }
  }
};

}  // namespace

PATCHBAY_PLUGIN(HiDiffusion)
