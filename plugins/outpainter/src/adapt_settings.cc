#include "plugins/outpainter/src/adapt_settings.h"

#include <cstdio>

#include "plugins/training/src/content_hash.h"

namespace outpainter {
namespace {

constexpr char kTraining[] = "Training";

std::string Spelled(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

template <uint32_t kNumber>
void DescribeReference(patchbay::ActionFields<AdaptSettings>& d,
                       patchbay::Picture AdaptSettings::*member, const char* id,
                       const char* label) {
  d.field<kNumber>(member, id)
      .label(label)
      .help("Shows the scene or subject of the picture that is to be extended.");
}

template <uint32_t kNumber>
void DescribeMargin(patchbay::ActionFields<AdaptSettings>& d, int64_t AdaptSettings::*member,
                    const char* id, const char* label) {
  d.field<kNumber>(member, id)
      .label(label)
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 16384)
      .soft_range(0, 1024)
      .help("Pixels that will be painted there.");
}

void DescribePictures(patchbay::ActionFields<AdaptSettings>& d) {
  DescribeReference<1>(d, &AdaptSettings::reference1, "reference1", "Reference 1");
  DescribeReference<2>(d, &AdaptSettings::reference2, "reference2", "Reference 2");
  DescribeReference<3>(d, &AdaptSettings::reference3, "reference3", "Reference 3");
  DescribeReference<4>(d, &AdaptSettings::reference4, "reference4", "Reference 4");
  DescribeReference<5>(d, &AdaptSettings::reference5, "reference5", "Reference 5");
  d.field<16>(&AdaptSettings::picture, "picture")
      .label("Picture")
      .help("What is to be extended, of which what is known is learned too. Without: not.");
  d.field<17>(&AdaptSettings::mask, "mask")
      .label("Mask")
      .help("Of the picture's size: white will be painted anew, as will transparent pixels.");
  DescribeMargin<18>(d, &AdaptSettings::left, "left", "Left");
  DescribeMargin<19>(d, &AdaptSettings::top, "top", "Top");
  DescribeMargin<20>(d, &AdaptSettings::right, "right", "Right");
  DescribeMargin<21>(d, &AdaptSettings::bottom, "bottom", "Bottom");
  d.field<6>(&AdaptSettings::prompt, "prompt")
      .label("Prompt")
      .multiline()
      .help("What the whole picture shows, as it will be drawn with.");
  d.field<15>(&AdaptSettings::resume, "resume")
      .label("Go on with")
      .help(
          "The state.safetensors of a run that was cancelled or is to be trained longer; all else "
          "must be as in that run, except that steps may be more.");
}

void DescribeTraining(patchbay::ActionFields<AdaptSettings>& d) {
  d.field<7>(&AdaptSettings::steps, "steps")
      .label("Steps")
      .unit(PATCHBAY_UNIT_STEP)
      .range(1, 1000000)
      .soft_range(1, 2000)
      .group(kTraining)
      .help("Training steps in all.");
  d.field<8>(&AdaptSettings::learning_rate, "learning_rate")
      .label("Learning rate")
      .range(1e-8, 1.0)
      .soft_range(1e-6, 1e-2)
      .group(kTraining)
      .help("Of AdamW, the same in all steps.");
  d.field<9>(&AdaptSettings::rank, "rank")
      .label("Rank")
      .range(1, 1024)
      .soft_range(1, 64)
      .group(kTraining)
      .help("Of the low-rank changes that are trained.");
  d.field<10>(&AdaptSettings::dropout, "dropout")
      .label("Dropout")
      .range(0.0, 0.95)
      .soft_range(0.0, 0.5)
      .group(kTraining)
      .advanced()
      .help("Share of a layer's inputs that its change does not see in a training step.");
  d.field<11>(&AdaptSettings::pictures_per_step, "pictures_per_step")
      .label("Pictures a step")
      .range(1, 64)
      .group(kTraining)
      .help("Parts of the pictures that a training step learns from, one after the other.");
  d.field<12>(&AdaptSettings::side, "side")
      .label("Side")
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 4096)
      .group(kTraining)
      .advanced()
      .help(
          "Of the squares that are cut from the pictures; 0: those that the model was trained on. "
          "Smaller ones take less memory.");
  d.field<13>(&AdaptSettings::seed, "seed")
      .label("Seed")
      .range(0, 9007199254740991.0)
      .group(kTraining)
      .help("Everything random depends on it.");
  d.field<14>(&AdaptSettings::save_every, "save_every")
      .label("Save every")
      .unit(PATCHBAY_UNIT_STEP)
      .range(0, 1000000)
      .group(kTraining)
      .advanced()
      .help(
          "Keeps state.safetensors after every so many steps, and not only at the end and when "
          "cancelled. 0: only then.");
}

}  // namespace

void DescribeAdapt(patchbay::ActionFields<AdaptSettings>& d) {
  d.title("Adapt to reference pictures")
      .help(
          "Trains a LoRA with one to five pictures of the same scene, and with what is known of "
          "the picture, and makes lora.safetensors (RealFill, arXiv:2309.16668).");
  DescribePictures(d);
  DescribeTraining(d);
}

std::vector<at::Tensor> ReferencesOf(const AdaptSettings& settings) {
  std::vector<at::Tensor> references;
  for (const patchbay::Picture* picture :
       {&settings.reference1, &settings.reference2, &settings.reference3, &settings.reference4,
        &settings.reference5}) {
    if (picture->rgba.defined()) references.push_back(picture->rgba);
  }
  if (references.empty()) {
    throw patchbay::Error(
        "there is no reference picture; give one to five, as in reference1=house.png");
  }
  return references;
}

std::map<std::string, std::string> LastingParameters(const AdaptSettings& settings) {
  training::ContentHash prompt;
  prompt.Add(std::string_view(settings.prompt));
  return {{"prompt", prompt.Text()},
          {"learning_rate", Spelled(settings.learning_rate)},
          {"rank", std::to_string(settings.rank)},
          {"dropout", Spelled(settings.dropout)},
          {"pictures_per_step", std::to_string(settings.pictures_per_step)},
          {"side", std::to_string(settings.side)},
          {"seed", std::to_string(settings.seed)}};
}

}  // namespace outpainter
