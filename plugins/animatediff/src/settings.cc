#include "plugins/animatediff/src/settings.h"

#include <algorithm>
#include <string>

namespace animatediff {
namespace {

constexpr char kWindows[] = "Long clips";
constexpr char kAdaptation[] = "Adaptation";

// What AnimateDiff's modules were trained on.
constexpr int64_t kUsualWindow = 16;
constexpr int64_t kStridesInWindow = 4;

void DescribeModule(patchbay::Description<Settings>& d) {
  d.field<1>(&Settings::module, "module")
      .label("Motion module")
      .help(
          "Motion modules of AnimateDiff for the model, as a safetensors file. The pictures of a "
          "job become the frames of a clip.");
  d.field<2>(&Settings::scale, "scale")
      .label("Scale")
      .range(0.0, 2.0)
      .step(0.05)
      .help("How strongly frames act on each other. 0: not at all, at no cost.");
  d.field<3>(&Settings::window, "window")
      .label("Window")
      .range(0, 1024)
      .soft_range(0, 32)
      .group(kWindows)
      .help(
          "Frames that the network sees at once; at most as many as the module was made for. 0: "
          "16, "
          "or fewer where it was made for fewer. Memory goes with it, not with the clip's length.");
  d.field<4>(&Settings::stride, "stride")
      .label("Stride")
      .range(0, 1024)
      .soft_range(0, 32)
      .group(kWindows)
      .help(
          "Frames from one window to the next, in clips longer than a window; what windows say of "
          "a "
          "frame is averaged. Smaller: smoother, and slower. 0: a quarter of the window.");
  d.field<5>(&Settings::window_weights, "window_weights")
      .label("Window weights")
      .choices({{WindowWeighting::kUniform, "uniform", "Uniform"},
                {WindowWeighting::kTriangular, "triangular", "Triangular"}})
      .group(kWindows)
      .help("How frames count in the average: all alike, or those in a window's middle most.");
  d.field<6>(&Settings::groupnorm_over_frames, "groupnorm_over_frames")
      .label("Group norms over frames")
      .advanced()
      .help(
          "The model's own group norms run over all frames of a window, as with AnimateDiff's "
          "first "
          "modules and in Be-Your-Outpainter's code; off: over each frame.");
  d.field<7>(&Settings::module_norm, "module_norm")
      .label("Module's norm")
      .choices({{ModuleNorm::kAsFile, "file", "As the file says"},
                {ModuleNorm::kFrame, "frame", "Over each frame (AnimateDiff)"},
                {ModuleNorm::kClip, "clip", "Over all frames (diffusers)"}})
      .advanced()
      .help("Over what the motion modules' own norm takes its statistics.");
}

template <int32_t kNumber>
void DescribeMargin(patchbay::Description<Settings>& d, int64_t Settings::*member, const char* id,
                    const char* label, const char* help) {
  d.field<kNumber>(member, id)
      .label(label)
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 16384)
      .soft_range(0, 1024)
      .group(kAdaptation)
      .help(help);
}

void DescribeAdaptation(patchbay::Description<Settings>& d) {
  d.field<8>(&Settings::lora, "lora")
      .label("Adaptation")
      .group(kAdaptation)
      .help("What the action adapt has made of a clip, with the same model and motion module.");
  d.field<9>(&Settings::lora_scale, "lora_scale")
      .label("Strength")
      .range(0.0, 2.0)
      .step(0.05)
      .group(kAdaptation)
      .help("How strongly the adaptation acts. 0: not at all.");
  d.field<10>(&Settings::lora_decay, "lora_decay")
      .label("Decay")
      .range(0.0, 100.0)
      .soft_range(0.0, 2.0)
      .step(0.05)
      .group(kAdaptation)
      .help(
          "Over which share of the widest margin the adaptation fades beyond what the clip shows "
          "(the authors advise 0.5). 0: it acts everywhere alike.");
  DescribeMargin<11>(d, &Settings::left, "left", "Left",
                     "Pixels of the canvas at its left that the clip does not show.");
  DescribeMargin<12>(d, &Settings::top, "top", "Top",
                     "Pixels of the canvas at its top that the clip does not show.");
  DescribeMargin<13>(d, &Settings::right, "right", "Right",
                     "Pixels of the canvas at its right that the clip does not show.");
  DescribeMargin<14>(d, &Settings::bottom, "bottom", "Bottom",
                     "Pixels of the canvas at its bottom that the clip does not show.");
  d.field<15>(&Settings::decay_feed_forward, "decay_feed_forward")
      .label("Decay in feed-forward layers")
      .group(kAdaptation)
      .advanced()
      .help(
          "The decay acts on feed-forward layers too; off: on queries, keys and values alone, as "
          "in "
          "the authors' code.");
}

}  // namespace

void DescribeSettings(patchbay::Description<Settings>& d) {
  DescribeModule(d);
  DescribeAdaptation(d);
}

FrameWindows FrameWindowsOf(const Settings& settings, int64_t longest) {
  FrameWindows windows;
  windows.window = settings.window == 0 ? std::min(kUsualWindow, longest) : settings.window;
  if (windows.window > longest) {
    throw patchbay::Error("window: " + std::to_string(windows.window) +
                          " frames are more than this motion module was made for, which has "
                          "positions for " +
                          std::to_string(longest) + "; choose a shorter one");
  }
  windows.stride = settings.stride == 0 ? std::max<int64_t>(1, windows.window / kStridesInWindow)
                                        : settings.stride;
  if (windows.stride > windows.window) {
    throw patchbay::Error("stride: windows of " + std::to_string(windows.window) +
                          " frames that are " + std::to_string(windows.stride) +
                          " apart leave gaps; it must not be larger than the window");
  }
  return windows;
}

}  // namespace animatediff
