#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_DRAWING_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_DRAWING_H_

#include <patchbay/aten.h>

#include <cstdint>
#include <string>
#include <vector>

namespace quantizer {

// The pictures that an action draws to look at the model.
struct Drawing {
  patchbay::File prompts;
  int64_t pictures = 8;
  int64_t steps = 20;
  double guidance = 7.5;
  int64_t seed = 0;
  int64_t size = 0;
};

// Fields 1 to 6 of an action whose settings derive from Drawing.
template <class Settings>
void DescribeDrawing(patchbay::Fields<Settings>& fields) {
  fields.template field<1>(static_cast<patchbay::File Settings::*>(&Drawing::prompts), "prompts")
      .label("Prompts")
      .help("A text file with a prompt in each line; without one, prompts that are built in.");
  fields.template field<2>(static_cast<int64_t Settings::*>(&Drawing::pictures), "pictures")
      .label("Pictures")
      .range(1, 4096)
      .soft_range(1, 128)
      .help("How many of the prompts are drawn, at most.");
  fields.template field<3>(static_cast<int64_t Settings::*>(&Drawing::steps), "steps")
      .label("Steps")
      .range(1, 1000)
      .soft_range(1, 50)
      .help("Sampling steps for each picture: as many as in later use.");
  fields.template field<4>(static_cast<double Settings::*>(&Drawing::guidance), "guidance")
      .label("Guidance scale")
      .range(0, 100)
      .soft_range(0, 20)
      .help("Guidance scale: 1 leaves the empty negative prompt out.");
  fields.template field<5>(static_cast<int64_t Settings::*>(&Drawing::seed), "seed")
      .label("Seed")
      .range(0, 9007199254740992.0)
      .help("The first picture's; the others count up from it.");
  fields.template field<6>(static_cast<int64_t Settings::*>(&Drawing::size), "size")
      .label("Size")
      .range(0, 8192)
      .soft_range(0, 2048)
      .unit(PATCHBAY_UNIT_PIXEL)
      .help("The pictures' width and height; 0: those that the model was trained on.");
}

// The prompts to draw. Throws patchbay::Error when the file cannot be read or has none.
std::vector<std::string> PromptsOf(const Drawing& drawing);

// Says that picture `index` is next: one prompt, with the seed that is its own.
void SetPicture(const patchbay::Action& action, const Drawing& drawing, const std::string& prompt,
                int64_t index);

// How its sampler is run.
patchbay::ActionPass PassOf(const Drawing& drawing);

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_DRAWING_H_
