#include <patchbay/aten.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/animatediff/src/adapt_action.h"
#include "plugins/animatediff/src/adaptation_file.h"
#include "plugins/animatediff/src/lora_decay.h"
#include "plugins/animatediff/src/motion_model.h"
#include "plugins/animatediff/src/settings.h"

namespace animatediff {
namespace {

// Of a pass: how the adaptation fades over each grid that a module works on.
struct Pass {
  PixelSize canvas;
  Margins margins;
  double k = 0;  // 0: it does not
  std::map<std::pair<int64_t, int64_t>, at::Tensor> maps = {};

  // [h, w]; undefined where it acts everywhere alike.
  at::Tensor DecayOn(int64_t height, int64_t width) {
    if (k == 0) return {};
    at::Tensor& map = maps[{height, width}];
    if (!map.defined()) map = LoraDecay(margins, canvas, {height, width}, k);
    return map;
  }
};

// A module at its place in the network.
struct Layer {
  const MotionModule* module = nullptr;  // the shared file's
  double scale = 1;
  double lora_multiplier = 1;
  std::optional<ModuleLora> lora = {};
  bool decays_feed_forward = false;

  at::Tensor operator()(const patchbay::Step& step, const at::Tensor& features) const {
    const int64_t frames = step.picture_count;
    if (frames > module->longest_window()) {
      throw patchbay::Error(
          "the network is asked about " + std::to_string(frames) +
          " frames at once, which another plugin does beside the sampler, and this motion module "
          "has positions for " +
          std::to_string(module->longest_window()) +
          "; draw a shorter clip, or leave that plugin out");
    }
    LoraUse use;
    use.multiplier = lora_multiplier;
    use.decays_feed_forward = decays_feed_forward;
    if (lora) {
      use.lora = &*lora;
      use.decay = step.state<Pass>().DecayOn(features.size(2), features.size(3));
    }
    return features + scale * AddedMotion(*module, features, frames, use);
  }
};

// Predictions for a clip from those for windows over its frames.
patchbay::Denoised DenoiseWindows(const FrameWindows& windows, WindowWeighting weighting,
                                  const at::Tensor& latent, const patchbay::InnerDenoise& inner) {
  const int64_t frames = latent.size(0);
  if (frames <= windows.window) return inner(latent);
  const at::Tensor weights = WindowWeights(weighting, windows.window).to(latent.device());
  patchbay::Denoised sum{at::zeros_like(latent), at::Tensor()};
  at::Tensor total = at::zeros({frames, 1, 1, 1}, latent.options());
  for (const int64_t start : WindowStarts(frames, windows.window, windows.stride)) {
    const auto of_window = [&](const at::Tensor& clip) {
      return clip.narrow(0, start, windows.window);
    };
    const patchbay::Denoised part = inner.pictures(of_window(latent).contiguous(), start);
    of_window(sum.cond).add_(part.cond * weights);
    of_window(total).add_(weights);
    if (!part.uncond.defined()) continue;
    if (!sum.uncond.defined()) sum.uncond = at::zeros_like(latent);
    of_window(sum.uncond).add_(part.uncond * weights);
  }
  sum.cond.div_(total);
  if (sum.uncond.defined()) sum.uncond.div_(total);
  return sum;
}

class AnimateDiff final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("animatediff")
        .title("AnimateDiff")
        .version("1.0.0")
        .summary("Makes a clip of a job's pictures, by motion modules behind the model's layers.")
        .source("arXiv:2307.04725")
        .licence("MIT");
    DescribeSettings(d);
    DescribeAdapt(d.action("adapt", &AnimateDiff::Adapt));
  }

  void attach(patchbay::Attach& at) const override {
    if (at.action() == "adapt") return adapt_.Attach(at, settings());
    if (settings().scale == 0) return;
    if (settings().module.path.empty()) {
      throw patchbay::Error(
          "there is no motion module; give one, as in module=mm_sd_v15_v2.safetensors");
    }
    AttachClip(at, AttachMotionModel(at, tensor_file(settings().module), settings().module_norm));
  }

 private:
  void AttachClip(patchbay::Attach& at, const MotionModel& model) const {
    const FrameWindows windows = FrameWindowsOf(settings(), model.file->longest_window);
    const std::optional<Adaptation> adaptation = AdaptationFor(at, *model.file);
    for (size_t i = 0; i < model.sites.sites.size(); ++i) {
      if (!model.file->modules[i]) continue;
      Layer layer{&*model.file->modules[i], settings().scale};
      if (adaptation) {
        layer.lora = adaptation->modules[i];
        layer.lora_multiplier = adaptation->facts.multiplier * settings().lora_scale;
        layer.decays_feed_forward = settings().decay_feed_forward;
      }
      model.sites.sites[i].after(std::move(layer));
    }
    if (settings().groupnorm_over_frames) at.require_norms_over_pictures();
    if (adaptation && adaptation->facts.shared_noise) at.first_latent(ShareNoise);
    const double decay = adaptation ? settings().lora_decay : 0;
    at.begin_pass([decay, settings = settings()](const patchbay::Step& step) {
      return Begin(settings, decay, step);
    });
    at.denoise([windows, weighting = settings().window_weights, fades = decay != 0](
                   const patchbay::Step& step, const at::Tensor& latent,
                   const patchbay::InnerDenoise& inner) {
      if (fades && (latent.size(2) != step.latent_height || latent.size(3) != step.latent_width)) {
        throw patchbay::Error(
            "lora_decay: another plugin shows the network parts of the canvas, and the margins are "
            "the whole canvas's; set it to 0 or leave that plugin out");
      }
      return DenoiseWindows(windows, weighting, latent, inner);
    });
  }

  // The first frame's for all, as the adaptation was trained.
  static void ShareNoise(const patchbay::Step& step, at::Tensor& latent) {
    if ((step.flags & PATCHBAY_STEP_IMAGE_TO_IMAGE) != 0) return;
    latent = latent.slice(0, 0, 1).expand_as(latent).contiguous();
  }

  // What the settings name, if they name one that acts.
  std::optional<Adaptation> AdaptationFor(const patchbay::Attach& at,
                                          const MotionFile& modules) const {
    if (settings().lora.path.empty() || settings().lora_scale == 0) return std::nullopt;
    constexpr char kField[] = "lora";
    const patchbay::TensorFile file = tensor_file(settings().lora);
    std::map<std::string, std::string> metadata;
    for (const std::string& key : AdaptationKeys()) metadata[key] = file.metadata(key);
    Adaptation adaptation;
    adaptation.facts = ReadAdaptationFacts(kField, file.path(), metadata);
    CheckMadeFor(kField, file.path(), adaptation.facts, at.model().fingerprint, modules.hash);
    if (adaptation.facts.groupnorm_over_frames != settings().groupnorm_over_frames) {
      throw patchbay::Error(
          std::string(kField) + ": " + file.path() + " was trained with groupnorm_over_frames=" +
          (settings().groupnorm_over_frames ? "false" : "true") + "; draw with the same");
    }
    adaptation.modules =
        ReadLoras(kField, clip_vision::Weights(file), modules, adaptation.facts.rank);
    return adaptation;
  }

  static Pass Begin(const Settings& settings, double decay, const patchbay::Step& step) {
    const int64_t cell = step.model().info().pixels_per_latent_pixel;
    Pass pass{{step.latent_height * cell, step.latent_width * cell},
              {settings.left, settings.top, settings.right, settings.bottom},
              decay};
    if (decay == 0) return pass;
    if (step.pass != PATCHBAY_PASS_FIRST) {
      throw patchbay::Error(
          "lora_decay: the margins are those of the first pass's canvas; draw in one pass, or set "
          "it to 0");
    }
    if (settings.left + settings.right >= pass.canvas.width ||
        settings.top + settings.bottom >= pass.canvas.height) {
      throw patchbay::Error("lora_decay: the margins leave nothing of the canvas, which is " +
                            std::to_string(pass.canvas.width) + "x" +
                            std::to_string(pass.canvas.height) + " pixels");
    }
    return pass;
  }

  void Adapt(patchbay::Action& action, const AdaptSettings& wanted) {
    adapt_.Run(action, wanted, settings(),
               [this](const patchbay::File& file) { return tensor_file(file); });
  }

  // The object of an action is its run's alone.
  mutable AdaptAction adapt_;
};

}  // namespace
}  // namespace animatediff

PATCHBAY_PLUGIN(animatediff::AnimateDiff)
