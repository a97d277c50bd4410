#include "plugins/outpainter/src/settings.h"

namespace outpainter {
namespace {

template <uint32_t kNumber>
void DescribeMargin(patchbay::Description<Settings>& d, int64_t Settings::*member, const char* id,
                    const char* label, const char* help) {
  d.field<kNumber>(member, id)
      .label(label)
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(-1, 16384)
      .soft_range(-1, 1024)
      .help(help);
}

void DescribePlace(patchbay::Description<Settings>& d) {
  d.field<1>(&Settings::picture, "picture")
      .label("Picture")
      .frames()
      .help(
          "What is extended, or a clip whose frames are the pictures of the batch. It keeps its "
          "size; the request's size is the canvas's, which the "
          "margins may fill but for a part of a cell of the latent, cut off in the end.");
  DescribeMargin<2>(d, &Settings::left, "left", "Left",
                    "Pixels painted to the picture's left; -1: what the right leaves.");
  DescribeMargin<3>(d, &Settings::top, "top", "Top",
                    "Pixels painted above the picture; -1: what the bottom leaves.");
  DescribeMargin<10>(d, &Settings::right, "right", "Right",
                     "Pixels painted to the picture's right; -1: what the left leaves. Where both "
                     "say so the picture is in the middle.");
  DescribeMargin<11>(d, &Settings::bottom, "bottom", "Bottom",
                     "Pixels painted below the picture; -1: what the top leaves.");
  d.field<4>(&Settings::mask, "mask")
      .label("Mask")
      .frames()
      .help(
          "Of the picture's size: white is painted anew, as are transparent pixels. One for all "
          "frames, or one for each.");
  d.field<5>(&Settings::feathering, "feathering")
      .label("Feathering")
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 512)
      .soft_range(0, 128)
      .help(
          "Pixels inside the picture's edge over which it passes into what was painted. All "
          "others stay as they were, bit by bit.");
  d.field<13>(&Settings::blending, "blending")
      .label("Blending")
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 512)
      .soft_range(0, 128)
      .help(
          "Pixels beyond the picture's edge over which what was painted takes on the colours "
          "that stand at the edge.");
  d.field<12>(&Settings::mask_decay, "mask_decay")
      .label("Mask decay")
      .range(0.0, 100.0)
      .soft_range(0.0, 2.0)
      .help(
          "How far beyond its edge the picture holds on in the first steps, as a share of the "
          "widest margin; 0: not at all.");
}

void DescribeRegret(patchbay::Description<Settings>& d) {
  d.field<6>(&Settings::jump_length, "jump_length")
      .label("Jump length")
      .unit(PATCHBAY_UNIT_STEP)
      .range(0, 50)
      .soft_range(0, 10)
      .group("Noise regret")
      .help("After so many steps the sampler goes back by as many; 0: never.");
  d.field<7>(&Settings::jump_repeats, "jump_repeats")
      .label("Repeats")
      .range(0, 50)
      .soft_range(0, 10)
      .group("Noise regret")
      .help("How often it goes back at one place; 0: never.");
  d.field<8>(&Settings::jump_share, "jump_share")
      .label("Until")
      .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
      .range(0.0, 1.0)
      .step(0.05)
      .group("Noise regret")
      .help("From this share of the steps on it goes back no more.");
  d.field<9>(&Settings::known_noise, "known_noise")
      .label("Noise of the known part")
      .choices({{KnownNoise::kTied, "tied", "The canvas's (the authors' code)"},
                {KnownNoise::kFresh, "fresh", "New in each step (the paper's algorithm)"}})
      .advanced()
      .help("What the known part is covered with at each step's noise level.");
  d.field<14>(&Settings::shared_noise, "shared_noise")
      .label("Shared noise")
      .advanced()
      .help(
          "The frames of a clip are drawn from the same noise, so that what is painted stays "
          "alike from one to the next. Off where a motion module ties them.");
}

}  // namespace

void DescribeSettings(patchbay::Description<Settings>& d) {
  DescribePlace(d);
  DescribeRegret(d);
}

}  // namespace outpainter
