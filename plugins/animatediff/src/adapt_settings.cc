#include "plugins/animatediff/src/adapt_settings.h"

#include "plugins/training/src/content_hash.h"
#include "plugins/training/src/saved_training.h"
#include "plugins/training/src/training_fields.h"

namespace animatediff {
namespace {

constexpr char kMasks[] = "Masks";

void DescribeClip(patchbay::ActionFields<AdaptSettings>& d) {
  d.field<1>(&AdaptSettings::frames, "frames")
      .label("Clip")
      .frames()
      .help(
          "The clip to adapt to, an animation or a video: frames of one size. What is transparent "
          "is not known, and what goes over a multiple of the model's 8 pixels at the right and "
          "below is left out.");
  d.field<2>(&AdaptSettings::prompt, "prompt")
      .label("Prompt")
      .multiline()
      .help("What the clip shows, as it will be drawn with.");
  d.field<14>(&AdaptSettings::module, "module")
      .label("Motion module")
      .help(
          "Motion modules of AnimateDiff for the model, as a safetensors file. Without: the "
          "plugin's own setting.");
  d.field<8>(&AdaptSettings::frames_at_once, "frames_at_once")
      .label("Frames at once")
      .range(0, 1024)
      .soft_range(0, 32)
      .help(
          "Frames that follow each other in a training step; 0: 16, or fewer where the clip has or "
          "the module takes fewer.");
  d.field<9>(&AdaptSettings::frame_stride, "frame_stride")
      .label("Frame stride")
      .range(1, 64)
      .help("From one of these frames to the next.");
  d.field<15>(&AdaptSettings::shared_noise, "shared_noise")
      .label("Shared noise")
      .help(
          "The frames of a training step have the same noise, and so have those that are drawn "
          "with "
          "the adaptation: they come out calmer. Motion modules were trained on frames with noise "
          "of their own; the adaptation learns the difference.");
  training::DescribeResume<13>(d, &AdaptSettings::resume);
}

void DescribeTraining(patchbay::ActionFields<AdaptSettings>& d) {
  training::DescribeSteps<3>(d, &AdaptSettings::steps,
                             "Training steps in all; the authors' code makes 800.");
  training::DescribeLearningRate<4>(d, &AdaptSettings::learning_rate);
  training::DescribeRank<5>(d, &AdaptSettings::rank);
  training::DescribeSeed<11>(d, &AdaptSettings::seed);
  training::DescribeSaveEvery<12>(d, &AdaptSettings::save_every);
}

void DescribeMasks(patchbay::ActionFields<AdaptSettings>& d) {
  d.field<6>(&AdaptSettings::mask_least, "mask_least")
      .label("Least mask")
      .range(0.0, 0.49)
      .step(0.05)
      .group(kMasks)
      .help("Share of the clip that a training step hides at each side, at the least.");
  d.field<7>(&AdaptSettings::mask_most, "mask_most")
      .label("Largest mask")
      .range(0.0, 0.49)
      .step(0.05)
      .group(kMasks)
      .help("And at the most; drawn anew for each side and step.");
  d.field<10>(&AdaptSettings::loss, "loss")
      .label("Loss over")
      .choices({{LossPlace::kWhole, "whole", "The whole frame (the authors' code)"},
                {LossPlace::kUnknown, "unknown", "What is hidden"}})
      .group(kMasks)
      .help(
          "Where predictions are compared with the clip. Masks are shown to inpainting models; "
          "others know of them by the loss alone.");
}

}  // namespace

void DescribeAdapt(patchbay::ActionFields<AdaptSettings>& d) {
  d.title("Adapt to a clip")
      .help(
          "Trains a LoRA on the motion modules with one clip and makes adaptation.safetensors, for "
          "the parameter lora (Be-Your-Outpainter, section 3.2).");
  DescribeClip(d);
  DescribeTraining(d);
  DescribeMasks(d);
}

void CheckAdapt(const AdaptSettings& settings) {
  if (settings.mask_least <= settings.mask_most) return;
  throw patchbay::Error("mask_least is " + training::Spelled(settings.mask_least) +
                        ", which is more than mask_most, " + training::Spelled(settings.mask_most));
}

std::map<std::string, std::string> LastingParameters(const AdaptSettings& settings,
                                                     const Settings& of_plugin) {
  training::ContentHash prompt;
  prompt.Add(std::string_view(settings.prompt));
  return {{"prompt", prompt.Text()},
          {"learning_rate", training::Spelled(settings.learning_rate)},
          {"rank", std::to_string(settings.rank)},
          {"mask_least", training::Spelled(settings.mask_least)},
          {"mask_most", training::Spelled(settings.mask_most)},
          {"frames_at_once", std::to_string(settings.frames_at_once)},
          {"frame_stride", std::to_string(settings.frame_stride)},
          {"loss", settings.loss == LossPlace::kWhole ? "whole" : "unknown"},
          {"seed", std::to_string(settings.seed)},
          {"shared_noise", settings.shared_noise ? "true" : "false"},
          {"scale", training::Spelled(of_plugin.scale)},
          {"groupnorm_over_frames", of_plugin.groupnorm_over_frames ? "true" : "false"}};
}

}  // namespace animatediff
