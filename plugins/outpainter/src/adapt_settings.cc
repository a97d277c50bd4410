#include "plugins/outpainter/src/adapt_settings.h"

#include "plugins/training/src/content_hash.h"
#include "plugins/training/src/saved_training.h"
#include "plugins/training/src/training_fields.h"

namespace outpainter {
namespace {

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
  training::DescribeResume<15>(d, &AdaptSettings::resume);
}

void DescribeTraining(patchbay::ActionFields<AdaptSettings>& d) {
  training::DescribeSteps<7>(d, &AdaptSettings::steps, "Training steps in all.");
  training::DescribeLearningRate<8>(d, &AdaptSettings::learning_rate);
  training::DescribeRank<9>(d, &AdaptSettings::rank);
  d.field<10>(&AdaptSettings::dropout, "dropout")
      .label("Dropout")
      .range(0.0, 0.95)
      .soft_range(0.0, 0.5)
      .group(training::kTrainingGroup)
      .advanced()
      .help("Share of a layer's inputs that its change does not see in a training step.");
  d.field<11>(&AdaptSettings::pictures_per_step, "pictures_per_step")
      .label("Pictures a step")
      .range(1, 64)
      .group(training::kTrainingGroup)
      .help("Parts of the pictures that a training step learns from, one after the other.");
  d.field<12>(&AdaptSettings::side, "side")
      .label("Side")
      .unit(PATCHBAY_UNIT_PIXEL)
      .range(0, 4096)
      .group(training::kTrainingGroup)
      .advanced()
      .help(
          "Of the squares that are cut from the pictures; 0: those that the model was trained on. "
          "Smaller ones take less memory.");
  training::DescribeSeed<13>(d, &AdaptSettings::seed);
  training::DescribeSaveEvery<14>(d, &AdaptSettings::save_every);
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
          {"learning_rate", training::Spelled(settings.learning_rate)},
          {"rank", std::to_string(settings.rank)},
          {"dropout", training::Spelled(settings.dropout)},
          {"pictures_per_step", std::to_string(settings.pictures_per_step)},
          {"side", std::to_string(settings.side)},
          {"seed", std::to_string(settings.seed)}};
}

}  // namespace outpainter
