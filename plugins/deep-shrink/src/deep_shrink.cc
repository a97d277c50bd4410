#include <patchbay/aten.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "resize.h"

namespace {

using deep_shrink::Method;

enum class Unit { kPercent, kSteps, kTimestep };
enum class Passes { kFirst, kAll };

struct Settings {
  int64_t block = 3;
  double factor = 2.0;
  double start = 0.0;
  double end = 0.35;
  bool after_skip = true;
  Method downscale = Method::kBicubic;
  Method upscale = Method::kBicubic;
  bool before_block = false;
  int64_t second_block = -1;
  double second_end = 0.4;
  Unit unit = Unit::kPercent;
  bool smooth = false;
  Passes passes = Passes::kAll;
};

constexpr double kLastTimestep = 999.0;

// How far the pass is on the scale that start and end are given on.
double Progress(const Settings& settings, const patchbay::Step& step) {
  switch (settings.unit) {
    case Unit::kSteps:
      return step.fraction();
    case Unit::kTimestep:
      // As thresholds on the timestep count down, so does their negative up.
      return -step.timestep;
    case Unit::kPercent:
      break;
  }
  return 1.0 - step.timestep / kLastTimestep;
}

// What is shrunk at a step, if anything: at which stage, and to what share of its size.
struct Shrink {
  int64_t block;
  double share;
};

std::optional<Shrink> ShrinkAt(const Settings& settings, const patchbay::Step& step) {
  if (settings.passes == Passes::kFirst && step.pass != PATCHBAY_PASS_FIRST) return std::nullopt;
  const double sign = settings.unit == Unit::kTimestep ? -1.0 : 1.0;
  const double now = Progress(settings, step);
  const double start = sign * settings.start;
  const double share = 1.0 / settings.factor;
  const auto within = [&](int64_t block, double end) -> Shrink {
    if (!settings.smooth) return {block, share};
    // Grows to full size over the stage, measured from the beginning of the pass.
    return {block, std::min(1.0, share + (1.0 - share) * (now - start) / (end - start))};
  };
  if (now < start) return std::nullopt;
  // ComfyUI's node counts the end in, on the scale of noise levels; on that of steps it is out.
  const double end = sign * settings.end;
  if (settings.unit == Unit::kPercent ? now <= end : now < end) return within(settings.block, end);
  const double second_end = sign * settings.second_end;
  if (settings.second_block >= 0 && now < second_end) {
    return within(settings.second_block, second_end);
  }
  return std::nullopt;
}

int64_t Share(int64_t size, double share) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(size) * share));
}

class DeepShrink final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("deep-shrink")
        .title("Deep Shrink")
        .version("1.0.0")
        .summary(
            "Large pictures without repeated objects: the network's inner maps are made smaller at "
            "first (Kohya's hires fix).")
        .source("kohya-ss/sd-scripts; ComfyUI's PatchModelAddDownscale")
        .licence("MIT")
        .conflicts("hidiffusion");
    d.field<1>(&Settings::block, "block")
        .label("Block")
        .range(0, 32)
        .help(
            "The encoder's stage that is made smaller, counted from 0 as LDM's input blocks are.");
    d.field<2>(&Settings::factor, "factor")
        .label("Factor")
        .range(1.0, 9.0)
        .step(0.001)
        .unit(PATCHBAY_UNIT_RATIO)
        .help("How many times smaller.");
    d.field<3>(&Settings::start, "start")
        .label("Start")
        .range(0.0, 1000.0)
        .soft_range(0.0, 1.0)
        .step(0.001)
        .help("From where on, in the unit below: a share from 0 to 1, or a timestep.");
    d.field<4>(&Settings::end, "end")
        .label("End")
        .range(0.0, 1000.0)
        .soft_range(0.0, 1.0)
        .step(0.001)
        .help("Up to where, likewise.");
    d.field<5>(&Settings::after_skip, "after_skip")
        .label("After the skip connection")
        .visible_if("before_block=false")
        .help("Whether the skip connection keeps the full size.");
    AddMethods(d.field<6>(&Settings::downscale, "downscale").label("Downscaling"));
    AddMethods(d.field<7>(&Settings::upscale, "upscale").label("Upscaling"));
    d.field<8>(&Settings::before_block, "before_block")
        .label("Before the block")
        .advanced()
        .help("Shrinks the stage's input, as Kohya's own script does, instead of its output.");
    d.field<9>(&Settings::second_block, "second_block")
        .label("Second block")
        .range(-1, 32)
        .advanced()
        .help("A stage to shrink after the first one's end; -1: none.");
    d.field<10>(&Settings::second_end, "second_end")
        .label("Second end")
        .range(0.0, 1000.0)
        .soft_range(0.0, 1.0)
        .step(0.001)
        .advanced()
        .help("Up to where the second stage is shrunk.");
    d.field<11>(&Settings::unit, "unit")
        .label("Unit")
        .advanced()
        .help(
            "percent: of the noise schedule, as ComfyUI counts; steps: of the pass's steps; "
            "timestep: "
            "training steps that fall from 999, so that start is above end, as Kohya counts.")
        .choices({{Unit::kPercent, "percent", "Share of the noise schedule"},
                  {Unit::kSteps, "steps", "Share of the steps"},
                  {Unit::kTimestep, "timestep", "Timestep"}});
    d.field<12>(&Settings::smooth, "smooth")
        .label("Smooth")
        .advanced()
        .help("Grows back to full size little by little instead of at once.");
    d.field<13>(&Settings::passes, "passes")
        .label("Passes")
        .advanced()
        .help("A second pass over an enlarged picture has its structure already.")
        .choices({{Passes::kFirst, "first", "The first"}, {Passes::kAll, "all", "All"}});
  }

  void attach(patchbay::Attach& at) const override {
    CheckUnit();
    const auto stages = at.denoiser().encoder_stages();
    AttachTo(stages, settings().block);
    if (settings().second_block >= 0 && settings().second_block != settings().block) {
      AttachTo(stages, settings().second_block);
    }
    // Wherever a map meets a skip connection of another size again, it is brought to that.
    for (const patchbay::DecoderStage& stage : at.denoiser().decoder_stages()) {
      stage.join([method = settings().upscale](const patchbay::Step&, const at::Tensor& below,
                                               const at::Tensor& skip) -> patchbay::Join {
        if (below.size(2) == skip.size(2) && below.size(3) == skip.size(3)) return {};
        return {.below = deep_shrink::Resize(below, skip.size(2), skip.size(3), method),
                .skip = {}};
      });
    }
  }

 private:
  template <class Field>
  static void AddMethods(Field& field) {
    field.help("How maps are resized.")
        .choices({{Method::kBicubic, "bicubic", "Bicubic"},
                  {Method::kNearestExact, "nearest-exact", "Nearest (exact)"},
                  {Method::kBilinear, "bilinear", "Bilinear"},
                  {Method::kArea, "area", "Area"},
                  {Method::kBislerp, "bislerp", "Bislerp"}});
  }

  void CheckUnit() const {
    if (settings().unit == Unit::kTimestep) return;
    const std::pair<const char*, double> places[] = {{"start", settings().start},
                                                     {"end", settings().end},
                                                     {"second_end", settings().second_end}};
    for (const auto& [name, place] : places) {
      if (place > 1) {
        throw patchbay::Error(std::string(name) + ": " + std::to_string(place) +
                              " is no share from 0 to 1; for timesteps up to 1000 set "
                              "unit=timestep");
      }
    }
  }

  void AttachTo(const patchbay::SiteList<patchbay::EncoderStage>& stages, int64_t block) const {
    if (block >= static_cast<int64_t>(stages.size())) {
      throw patchbay::Error("block: the model's encoder has stages 0 to " +
                            std::to_string(stages.size() - 1) + ", and " + std::to_string(block) +
                            " is none of them");
    }
    const patchbay::EncoderStage& stage = stages[static_cast<size_t>(block)];
    const auto shrink = [settings = settings(), block](const patchbay::Step& step,
                                                       const at::Tensor& x) -> at::Tensor {
      const std::optional<Shrink> now = ShrinkAt(settings, step);
      if (!now || now->block != block || now->share == 1.0) return {};
      return deep_shrink::Resize(x, Share(x.size(2), now->share), Share(x.size(3), now->share),
                                 settings.downscale);
    };
    if (settings().before_block) {
      if (block == 0) {
        throw patchbay::Error(
            "before_block: the first stage's input is the latent itself; choose "
            "another block");
      }
      stage.before(shrink);
    } else if (settings().after_skip) {
      stage.after_skip(shrink);
    } else {
      stage.before_skip(shrink);
    }
  }
};

}  // namespace

PATCHBAY_PLUGIN(DeepShrink)
