#include "plugins/moma/src/settings.h"

namespace moma {
namespace {

// The authors' advice.
constexpr double kContextStrength = 1.0;
constexpr double kTextureStrength = 0.4;

void DescribeSubject(patchbay::Description<Settings>& d) {
  d.field<1>(&Settings::image, "image")
      .label("Picture")
      .help("What the subject is taken from. Of any size and kind.");
  d.field<2>(&Settings::mask, "mask")
      .label("Mask")
      .help(
          "Where on the picture the subject is: where this is white. Without: where the picture "
          "is opaque, or what stands out from its border.");
  d.field<3>(&Settings::subject, "subject")
      .label("Subject")
      .help("The thing's noun, which the prompt has to have too: \"dog\".");
  d.field<4>(&Settings::adapter, "adapter")
      .label("Adapter")
      .help("A MoMA adapter for the model, as a safetensors file; `patchbay convert` makes one.");
  d.field<5>(&Settings::tokens, "tokens")
      .label("Tokens")
      .help(
          "What a language model has seen in the picture, as a safetensors file with a tensor "
          "moma_embedding. Without it, and without an image encoder in the adapter, only the "
          "subject's looks are taken over.");
}

void DescribeStrength(patchbay::Description<Settings>& d) {
  d.field<6>(&Settings::strength, "strength")
      .label("Strength")
      .range(-1.0, 2.0)
      .soft_range(-1.0, 1.2)
      .step(0.05)
      .help(
          "How much of the subject's looks is taken over; below 0: as `mode` says. 0 without "
          "`tokens`: not at all, at no cost.");
  d.field<7>(&Settings::mode, "mode")
      .label("Mode")
      .choices({{Mode::kContext, "context", "Another scene (strength 1)"},
                {Mode::kTexture, "texture", "Another material (strength 0.4)"}})
      .help("What the prompt asks of the subject, where `strength` says nothing.");
  d.field<8>(&Settings::content, "ip_scale")
      .label("Content")
      .range(0.0, 2.0)
      .step(0.05)
      .help("How strongly the tokens act; the authors' is 1.");
}

void DescribeReach(patchbay::Description<Settings>& d) {
  d.field<9>(&Settings::self_until, "t_self_max")
      .label("Looks below timestep")
      .range(0, 1000)
      .advanced()
      .help(
          "The subject's looks are taken over at timesteps below this one, and not in the first "
          "step.");
  d.field<10>(&Settings::use_mask, "use_iter_mask")
      .label("Only on the subject")
      .help("Acts where the drawn picture has the subject, as the prompt's attention tells.");
  d.field<11>(&Settings::mask_threshold, "mask_threshold")
      .label("Mask threshold")
      .range(0.0, 1.0)
      .step(0.05)
      .advanced()
      .help("Where attention to the subject is at most this share of the most, there is none.");
  d.field<12>(&Settings::background, "ref_background")
      .label("Background")
      .choices({{Background::kKeep, "keep", "As it is (the authors' code)"},
                {Background::kWhite, "white", "White (the paper)"}})
      .advanced()
      .help("What is around the subject when its looks are taken.");
  d.field<13>(&Settings::layers, "layers")
      .label("Layers")
      .range(0.0, 2.0)
      .advanced()
      .help(
          "A factor for each of the model's transformers, in the order in which the network runs: "
          "16 for Stable Diffusion 1.5.");
  d.field<14>(&Settings::compat, "compat")
      .label("The authors' code")
      .advanced()
      .help("Does what the authors' code does where the README says that this is better.");
}

}  // namespace

void DescribeSettings(patchbay::Description<Settings>& d) {
  DescribeSubject(d);
  DescribeStrength(d);
  DescribeReach(d);
}

double StrengthOf(const Settings& settings) {
  if (settings.strength >= 0) return settings.strength;
  return settings.mode == Mode::kContext ? kContextStrength : kTextureStrength;
}

std::vector<double> LayerFactors(const std::vector<double>& layers,
                                 const std::vector<std::string>& transformers) {
  if (layers.empty()) return std::vector<double>(transformers.size(), 1.0);
  if (layers.size() == transformers.size()) return layers;
  std::string list;
  for (const std::string& name : transformers) list += (list.empty() ? "" : ", ") + name;
  throw patchbay::Error("layers: there are " + std::to_string(layers.size()) +
                        " numbers, and the model has " + std::to_string(transformers.size()) +
                        " transformers: " + list);
}

}  // namespace moma
