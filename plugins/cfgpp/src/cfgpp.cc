#include <patchbay/aten.h>

#include <cmath>
#include <string>

namespace {

enum class Form { kShift, kShiftSd15, kReweight };
enum class Source { kScale, kComfyUi, kA1111 };

struct Settings {
  double scale = 0.6;
  Form form = Form::kShift;
  Source source = Source::kScale;
};

// AUTOMATIC1111's "DDIM CFG++" divides its CFG scale by this.
constexpr double kA1111Divisor = 12.5;

double Lambda(const Settings& settings, double guidance_scale) {
  switch (settings.source) {
    case Source::kComfyUi:
      return guidance_scale;
    case Source::kA1111:
      return guidance_scale / kA1111Divisor;
    case Source::kScale:
      break;
  }
  return settings.scale;
}

// How many times lambda (D_c - D_u) the step is shifted by. One, except in the variant of DPM++ 2M
// that the authors published for SD 1.5, whose correction term also sees the guided prediction.
double ShiftWeight(Form form, const patchbay::Step& step) {
  if (form != Form::kShiftSd15 || std::string(step.sampler) != "dpmpp_2m") return 1.0;
  if (step.index == 0 || step.sigma_next == 0.0) return 1.0;
  const double h = std::log(step.sigma / step.sigma_next);
  const double r = std::log(step.sigmas[step.index - 1] / step.sigma) / h;
  return 1.0 + (1.0 - std::exp(-h)) / (2.0 * r);
}

class CfgPlusPlus final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("cfgpp")
        .title("CFG++")
        .version("1.0.0")
        .summary("Guidance that stays on the data manifold: small scales, natural colours.")
        .source("arXiv:2406.08070")
        .licence("MIT")
        // Before what adds to the guided prediction.
        .phase(PATCHBAY_PHASE_EARLY);
    d.field<1>(&Settings::scale, "scale")
        .label("Lambda")
        .range(0.0, 10.0)
        .soft_range(0.0, 1.0)
        .step(0.05)
        .visible_if("source=scale")
        .help("Between the negative prompt's prediction (0) and the prompt's (1).");
    d.field<2>(&Settings::form, "form")
        .label("Form")
        .help(
            "shift: exact for every sampler, integrates the unconditional prediction and then "
            "moves "
            "by lambda times the difference. shift-sd15: as the authors' SD 1.5 code has DPM++ 2M. "
            "reweight: an equivalent CFG scale for each step, exact for Euler and DDIM only.")
        .choices({{Form::kShift, "shift", "Shift"},
                  {Form::kShiftSd15, "shift-sd15", "Shift, SD 1.5 variant of DPM++ 2M"},
                  {Form::kReweight, "reweight", "CFG scale by step"}})
        .advanced();
    d.field<3>(&Settings::source, "source")
        .label("Lambda is")
        .help(
            "Which number is lambda: the setting above, the request's CFG scale as ComfyUI's "
            "cfg_pp samplers take it, or that divided by 12.5 as AUTOMATIC1111's DDIM CFG++ does.")
        .choices({{Source::kScale, "scale", "The setting"},
                  {Source::kComfyUi, "comfyui", "The CFG scale (ComfyUI)"},
                  {Source::kA1111, "a1111", "The CFG scale / 12.5 (AUTOMATIC1111)"}});
  }

  void attach(patchbay::Attach& at) const override {
    at.require_unconditional();
    if (settings().form == Form::kReweight) {
      AttachReweighting(at);
    } else {
      AttachShift(at);
    }
  }

 private:
  // Time-weighted CFG: the same as CFG++ where a step is linear in the prediction.
  void AttachReweighting(patchbay::Attach& at) const {
    at.guidance_scale([settings = settings()](const patchbay::Step& step, double scale) {
      return Lambda(settings, scale) * step.sigma / (step.sigma - step.sigma_next);
    });
  }

  // The solver integrates the unconditional prediction; what guidance adds comes after the step.
  void AttachShift(patchbay::Attach& at) const {
    at.guidance([](const patchbay::Step&, const patchbay::Guidance& g) { return g.uncond; });
    at.after_step([settings = settings()](const patchbay::Step& step, at::Tensor& latent,
                                          const patchbay::Prediction& last) {
      const double weight = Lambda(settings, last.scale) * ShiftWeight(settings.form, step);
      latent = latent + weight * (last.cond - last.uncond);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(CfgPlusPlus)
