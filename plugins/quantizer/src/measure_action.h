#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_MEASURE_ACTION_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_MEASURE_ACTION_H_

#include <patchbay/aten.h>

#include <string>
#include <vector>

#include "drawing.h"
#include "sensitivity_file.h"
#include "trial_denoiser.h"

namespace quantizer {

struct MeasureSettings : Drawing {
  MeasureSettings() {
    pictures = 2;
    steps = 4;
  }
  int64_t points = 2;
};

// Quantises one layer after the other, and measures what that changes: "sensitivity.json",
// and a plot of it, "sensitivity.svg". The
// network is asked at some points of the trajectories that it draws in floating point; a quality
// layer is judged by the network's output there, a content layer by the picture that the network
// foresees there. One run; one thread.
class MeasureAction {
 public:
  static void Describe(patchbay::ActionFields<MeasureSettings>& d);

  // This object must outlive the attachment.
  void Attach(patchbay::Attach& at, const Settings& settings);
  void Run(const patchbay::Action& action, const MeasureSettings& settings);

 private:
  // One question to the network, and what it answers in floating point.
  struct Point {
    at::Tensor latent;
    double sigma = 0;
    at::Tensor output;
    at::Tensor picture;
  };
  // One part of one layer, with so many bits.
  struct Trial {
    TrialDenoiser::Layer* layer = nullptr;
    TrialDenoiser::Mode mode = TrialDenoiser::Mode::kExact;
    int bits = 8;
    LayerClass layer_class = LayerClass::kQuality;
    NoiseMeter noise;       // quality
    double similarity = 0;  // content: the sum over the pictures
    int64_t similarities = 0;
  };

  std::vector<Trial> Trials();
  void Draw(const patchbay::Action& action, const MeasureSettings& settings,
            const std::string& prompt, int64_t index);
  void Try(const patchbay::Action& action, Trial& trial);
  Sensitivity Result(const std::string& model, const std::vector<Trial>& trials) const;

  TrialDenoiser denoiser_;
  int64_t points_wanted_ = 0;  // above 0 while a picture is drawn
  std::vector<Point> points_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_MEASURE_ACTION_H_
