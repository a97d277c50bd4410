#include "plugins/ip-adapter/src/settings.h"

#include "plugins/clip_vision/src/preprocessing.h"
#include "plugins/ip-adapter/src/mask.h"

namespace ip_adapter {
namespace {

constexpr char kFurther[] = "Further pictures";

// The fields of one more picture, numbered from kNumber on.
template <int32_t kNumber>
void DescribeFurther(patchbay::Description<Settings>& d, const std::string& place,
                     patchbay::Picture Settings::*image, double Settings::*weight,
                     patchbay::Picture Settings::*mask) {
  d.field<kNumber>(image, ("image_" + place).c_str())
      .label(("Picture " + place).c_str())
      .group(kFurther)
      .help("One more picture that the drawn one takes after.");
  d.field<kNumber + 1>(weight, ("weight_" + place).c_str())
      .label(("Weight " + place).c_str())
      .range(-1.0, 2.0)
      .step(0.05)
      .group(kFurther)
      .help("How strongly; below 0: as `weight` says.");
  d.field<kNumber + 2>(mask, ("mask_" + place).c_str())
      .label(("Mask " + place).c_str())
      .group(kFurther)
      .help("Where on the canvas that picture acts.");
}

void DescribeFirst(patchbay::Description<Settings>& d) {
  d.field<1>(&Settings::image, "image")
      .label("Picture")
      .help(
          "What the drawn picture takes after. Of any size; the middle square of it is looked at.");
  d.field<2>(&Settings::adapter, "adapter")
      .label("Adapter")
      .help(
          "An IP-Adapter, IP-Adapter Plus or full-face adapter for the model, as a safetensors "
          "file.");
  d.field<3>(&Settings::encoder, "encoder")
      .label("Image encoder")
      .help(
          "The CLIP vision encoder that the adapter was made with, as a safetensors file. Without: "
          "image_encoder.safetensors or image_encoder/model.safetensors beside the adapter.");
  d.field<4>(&Settings::weight, "weight")
      .label("Weight")
      .range(0.0, 2.0)
      .soft_range(0.0, 1.0)
      .step(0.05)
      .help("How strongly the picture acts beside the prompt. 0: not at all, at no cost.");
  d.field<5>(&Settings::mask, "mask")
      .label("Mask")
      .help(
          "Where on the canvas the picture acts: where this is white. It is stretched to the "
          "canvas.");
}

void DescribeReach(patchbay::Description<Settings>& d) {
  d.field<6>(&Settings::layers, "layers")
      .label("Layers")
      .choices({{Layers::kAll, "all", "All"},
                {Layers::kStyle, "style", "Style only"},
                {Layers::kLayout, "layout", "Layout only"},
                {Layers::kStyleAndLayout, "style+layout", "Style and layout"}})
      .help("Which layers the picture speaks to (InstantStyle).");
  d.field<7>(&Settings::block_weights, "block_weights")
      .label("Block weights")
      .range(0.0, 2.0)
      .advanced()
      .help(
          "A factor for each of the model's transformers, in the order in which the network runs: "
          "16 for Stable Diffusion 1.5, 11 for SDXL.");
  d.field<8>(&Settings::begin, "begin")
      .label("Begin")
      .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
      .range(0.0, 1.0)
      .step(0.05)
      .advanced()
      .help("From this share of the steps on it acts.");
  d.field<9>(&Settings::end, "end")
      .label("End")
      .unit(PATCHBAY_UNIT_FRACTION_OF_STEPS)
      .range(0.0, 1.0)
      .step(0.05)
      .advanced()
      .help("From this share of the steps on it acts no more.");
  d.field<10>(&Settings::combine, "combine")
      .label("Several pictures")
      .choices({{Combination::kConcatenate, "concat", "Share one attention"},
                {Combination::kAdd, "add", "An attention for each, added"}})
      .group(kFurther)
      .advanced()
      .help("How several pictures come together. With a mask each has an attention of its own.");
}

}  // namespace

void DescribeSettings(patchbay::Description<Settings>& d) {
  DescribeFirst(d);
  DescribeReach(d);
  DescribeFurther<11>(d, "2", &Settings::image_2, &Settings::weight_2, &Settings::mask_2);
  DescribeFurther<14>(d, "3", &Settings::image_3, &Settings::weight_3, &Settings::mask_3);
  DescribeFurther<17>(d, "4", &Settings::image_4, &Settings::weight_4, &Settings::mask_4);
}

std::vector<ImagePrompt> ImagePromptsOf(const Settings& settings) {
  struct Given {
    const at::Tensor& image;
    double weight;
    const at::Tensor& mask;
    const char* number;
  };
  const Given all[] = {{settings.image.rgba, settings.weight, settings.mask.rgba, ""},
                       {settings.image_2.rgba, settings.weight_2, settings.mask_2.rgba, "_2"},
                       {settings.image_3.rgba, settings.weight_3, settings.mask_3.rgba, "_3"},
                       {settings.image_4.rgba, settings.weight_4, settings.mask_4.rgba, "_4"}};
  std::vector<ImagePrompt> prompts;
  bool is_any = false;
  for (const Given& given : all) {
    const std::string field = std::string("mask") + given.number;
    if (!given.image.defined()) {
      if (!given.mask.defined()) continue;
      throw patchbay::Error(field + " has no picture; give one as image" + given.number);
    }
    is_any = true;
    ImagePrompt prompt;
    prompt.weight = given.weight < 0 ? settings.weight : given.weight;
    if (prompt.weight == 0) continue;
    prompt.pixels = clip_vision::Pixels(given.image);
    if (given.mask.defined()) {
      prompt.mask = clip_vision::Pixels(given.mask);
      prompt.mask_field = field;
      CheckMask(prompt.mask, field);
    }
    prompts.push_back(std::move(prompt));
  }
  if (!is_any && settings.weight != 0) {
    throw patchbay::Error(
        "there is no picture to take after; give one, as in image=photo.png,adapter=FILE");
  }
  return prompts;
}

}  // namespace ip_adapter
