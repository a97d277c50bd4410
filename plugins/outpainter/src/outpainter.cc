#include <patchbay/aten.h>

#include <cmath>
#include <string>
#include <vector>

#include "plugins/filling/src/smooth_fill.h"
#include "plugins/outpainter/src/adapt_action.h"
#include "plugins/outpainter/src/canvas.h"
#include "plugins/outpainter/src/decay_map.h"
#include "plugins/outpainter/src/noise_regret.h"
#include "plugins/outpainter/src/seam.h"
#include "plugins/outpainter/src/settings.h"

namespace outpainter {
namespace {

// A tenth of a pixel's step, in -1..1: kept pixels come out as they were whether the host rounds
// numbers to pixels or, as A1111 does, leaves out what stands behind the point.
constexpr double kAboveTheStep = 0.1 * 2 / 255;

at::Tensor Cut(const at::Tensor& map, CanvasSize size) {
  return map.slice(2, 0, size.height).slice(3, 0, size.width);
}

KnownPicture On(const KnownPicture& over, const at::Device& device) {
  return {over.picture.to(device), over.known.to(device), over.weight.to(device),
          over.reach.to(device), over.straight.to(device)};
}

// What a pass keeps: the picture on the canvas, or each of a clip's frames (F of them), and the
// noise that its known part has. Empty in a second pass, which draws over all of the enlarged
// canvas.
struct Pass {
  explicit Pass(NoiseRegret jumps) : regret(jumps) {}

  KnownPicture over;      // in -1..1, of the finished size
  at::Tensor latent;      // [F, C, h, w]: the canvas's
  at::Tensor kept_share;  // [F, 1, h, w]: of the steps, in which the canvas is put back in a cell
  at::Tensor noise;       // [B, C, h, w]
  NoiseRegret regret;
  uint64_t draws = 0;  // of noise, so that no two are alike
  bool shares_noise = false;
};

// The first picture's noise for all.
at::Tensor Shared(const at::Tensor& noise) {
  return noise.slice(0, 0, 1).expand_as(noise).contiguous();
}

// Frame by frame, since an encoder's memory grows with what it sees at once.
at::Tensor Encoded(const patchbay::Model& model, const at::Tensor& frames) {
  std::vector<at::Tensor> latents;
  for (const at::Tensor& frame : frames.split(1)) latents.push_back(model.encode_picture(frame));
  return at::cat(latents);
}

void CheckFrameCount(int64_t frames, uint32_t pictures) {
  if (frames == 1 || frames == static_cast<int64_t>(pictures)) return;
  throw patchbay::Error("the clip has " + std::to_string(frames) + " frames and the job draws " +
                        std::to_string(pictures) + (pictures == 1 ? " picture" : " pictures") +
                        "; each frame is one picture of the batch: ask for a batch of " +
                        std::to_string(frames));
}

class Outpainter final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("outpainter")
        .title("Outpainter")
        .version("1.0.0")
        .summary("Paints what lies beyond a picture's edges, or under a mask.")
        .source("arXiv:2403.13745")
        .licence("MIT")
        // Sees the latent as other plugins have left it.
        .phase(PATCHBAY_PHASE_LATE);
    DescribeSettings(d);
    DescribeAdapt(d.action("adapt", &Outpainter::Adapt));
  }

  void attach(patchbay::Attach& at) const override {
    if (at.action() == "adapt") return adapt_.Attach(at);
    if (!settings().picture.rgba.defined()) {
      throw patchbay::Error("there is no picture to extend; give one, as in picture=photo.png");
    }
    at.begin_pass(
        [settings = settings()](const patchbay::Step& step) { return Begin(settings, step); });
    at.first_latent([](const patchbay::Step& step, at::Tensor& latent) {
      Pass& pass = step.state<Pass>();
      if (!pass.latent.defined()) return;
      const bool is_pure_noise = (step.flags & PATCHBAY_STEP_IMAGE_TO_IMAGE) == 0;
      if (is_pure_noise && pass.shares_noise) latent = Shared(latent);
      pass.noise = is_pure_noise ? NoiseOf(latent, step.sigmas[0]) : NewNoise(step, latent);
      pass.latent = pass.latent.to(latent.device());
      pass.kept_share = pass.kept_share.to(latent.device());
    });
    // Samplers that remember earlier steps go on from what they were told there: as Euler steps
    // would have it, kept cells come from what is about to be put back in them.
    at.guidance([](const patchbay::Step& step, const patchbay::Guidance& g) -> at::Tensor {
      const Pass& pass = step.state<Pass>();
      if (!pass.latent.defined() || IsLast(step)) return {};
      return at::where(KeptAfter(step), pass.latent, g.guided);
    });
    at.after_step([fresh = settings().known_noise == KnownNoise::kFresh](
                      const patchbay::Step& step, at::Tensor& latent, const patchbay::Prediction&) {
      return AfterStep(step, latent, fresh);
    });
    at.picture([](const patchbay::Step& step, at::Tensor& picture) {
      const Pass& pass = step.state<Pass>();
      if (!pass.latent.defined()) return;
      const CanvasSize size = {pass.over.known.size(2), pass.over.known.size(3)};
      picture = LaidOver(Cut(picture, size), On(pass.over, picture.device()));
    });
  }

 private:
  static Pass Begin(const Settings& settings, const patchbay::Step& step) {
    const RegretSettings regret = {settings.jump_length, settings.jump_repeats,
                                   settings.jump_share};
    Pass pass(NoiseRegret(regret, step.step_count));
    if (step.pass != PATCHBAY_PASS_FIRST) return pass;
    const patchbay::Model model = step.model();
    model.announce_steps(StepsWithRegret(regret, step.step_count));
    const int64_t cell = model.info().pixels_per_latent_pixel;
    const at::Tensor& rgba = settings.picture.rgba;
    CheckFrameCount(rgba.size(0), step.picture_count);
    pass.shares_noise = settings.shared_noise && rgba.size(0) > 1;
    const CanvasSize size = {step.latent_height * cell, step.latent_width * cell};
    CheckClipPixels(rgba.size(0), size);
    const Margins margins = MarginsOf(settings);
    const CanvasSize finished = FinishedSize({rgba.size(2), rgba.size(3)}, margins, size, cell);
    const Canvas canvas = PlaceOnCanvas(rgba, settings.mask.rgba, margins, size, finished);
    const at::Tensor cells = filling::KnownCells(canvas.known, cell);
    if (cells.amax({1, 2, 3}).min().item<float>() == 0.f) {
      throw patchbay::Error("no block of " + std::to_string(cell) + "x" + std::to_string(cell) +
                            " pixels on the canvas is known as a whole, and the model sees no "
                            "smaller ones; give a larger picture");
    }
    pass.over = OnCanvas(Cut(canvas.picture, finished) + kAboveTheStep, Cut(canvas.known, finished),
                         settings.feathering, settings.blending);
    pass.latent = Encoded(model, canvas.picture);
    if (model.takes_mask()) TellNetwork(model, canvas, cell);
    pass.kept_share = DecayMap(cells, settings.mask_decay);
    return pass;
  }

  // As a network for inpainting was trained: the mask's upper left pixel of each cell, and grey
  // where it is to paint (StableDiffusionInpaintPipeline in diffusers).
  static void TellNetwork(const patchbay::Model& model, const Canvas& canvas, int64_t cell) {
    const at::Tensor painted = 1 - canvas.known;
    const at::Tensor mask =
        at::upsample_nearest2d(painted, {painted.size(2) / cell, painted.size(3) / cell});
    model.set_inpainting(mask, Encoded(model, canvas.picture * canvas.known));
  }

  // The noise that a pass starts from. Schedules of bounded variance scale it by sqrt(1 + sigma^2);
  // where a sampler scales it by sigma, this is 0.3 % less than one.
  static at::Tensor NoiseOf(const at::Tensor& latent, double sigma) {
    return latent / std::sqrt(1 + sigma * sigma);
  }

  static at::Tensor NewNoise(const patchbay::Step& step, const at::Tensor& latent) {
    Pass& pass = step.state<Pass>();
    const at::Tensor noise = step.model().noise(latent.sizes().vec(), ++pass.draws);
    return (pass.shares_noise ? Shared(noise) : noise).to(latent.device());
  }

  static bool IsLast(const patchbay::Step& step) { return step.index + 1 == step.step_count; }

  // The cells that are put back after the step.
  static at::Tensor KeptAfter(const patchbay::Step& step) {
    return step.state<Pass>().kept_share > static_cast<double>(step.index + 1) / step.step_count;
  }

  // The authors' loop: the known part is put back after each step but the last, covered with noise;
  // then the sampler may go back, and both parts get the same new noise.
  static patchbay::Next AfterStep(const patchbay::Step& step, at::Tensor& latent, bool fresh) {
    Pass& pass = step.state<Pass>();
    if (!pass.latent.defined()) return patchbay::Next::go_on();
    const int32_t done = step.index + 1;
    if (!IsLast(step)) {
      const at::Tensor noise = fresh ? NewNoise(step, latent) : pass.noise;
      latent = at::where(KeptAfter(step), pass.latent + step.sigma_next * noise, latent);
    }
    const int32_t next = pass.regret.Next(done);
    if (next == done) return patchbay::Next::go_on();
    const double before = step.sigmas[next];
    const double now = step.sigmas[done];
    pass.noise = NewNoise(step, latent);
    latent = latent + std::sqrt(before * before - now * now) * pass.noise;
    return patchbay::Next::to(next);
  }

  void Adapt(patchbay::Action& action, const AdaptSettings& wanted) {
    adapt_.Run(action, wanted, [this](const patchbay::File& file) { return tensor_file(file); });
  }

  // The object of an action is its run's alone.
  mutable AdaptAction adapt_;
};

}  // namespace
}  // namespace outpainter

PATCHBAY_PLUGIN(outpainter::Outpainter)
