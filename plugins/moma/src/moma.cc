#include <patchbay/aten.h>

#include <memory>
#include <optional>
#include <utility>

#include "plugins/moma/src/describe_action.h"
#include "plugins/moma/src/description_request.h"
#include "plugins/moma/src/injection.h"
#include "plugins/moma/src/mask_action.h"
#include "plugins/moma/src/prepared.h"
#include "plugins/moma/src/settings.h"

namespace moma {
namespace {

class Moma final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("moma")
        .title("MoMA")
        .version("1.0.0")
        .summary("Draws the thing on a picture in another place, or made of something else.")
        .source("arXiv:2404.05674")
        .licence("MIT")
        // Its windows rearrange the queries, and so where a mask lies.
        .conflicts("hidiffusion")
        // Its windows are not the canvas that the subject is looked for on.
        .conflicts("multidiffusion");
    DescribeSettings(d);
    DescribeMask(d.action("mask", &Moma::Mask));
    DescribeFields(d.action("describe", &Moma::Describe));
  }

  void attach(patchbay::Attach& at) const override {
    // The denoiser is not asked.
    if (at.action() == "mask" || at.action() == "describe") return;
    if (StrengthOf(settings()) == 0 && settings().tokens.path.empty()) return;
    CheckGiven(at.model());
    const Blocks blocks(at.denoiser());
    const Prepared& prepared = Shared(at, blocks);
    patchbay::Overlay overlay = at.overlay();
    const auto injection =
        std::make_shared<const Injection>(prepared, OptionsFor(blocks, overlay.number()));
    if (!injection->acts_on_self() && !injection->acts_on_cross()) return;
    at.begin_pass([injection](const patchbay::Step& step) { return injection->Begin(step); });
    at.before_step(
        [injection](const patchbay::Step& step, at::Tensor&) { injection->BeforeStep(step); });
    for (size_t i = 0; i < blocks.self.size(); ++i) {
      if (injection->acts_on_self()) HangOnSelf(blocks.self[i], overlay, injection, i);
      if (!injection->acts_on_cross() && !injection->seeks_subject()) continue;
      blocks.cross[i].extend(
          [injection, i](const patchbay::Step& step, const patchbay::AttentionCall& call) {
            return injection->CrossTerm(step, call, i);
          });
    }
  }

 private:
  void Mask(patchbay::Action& action, const MaskRequest& request) { RunMask(action, request); }

  void Describe(patchbay::Action& action, const DescriptionRequest& request) {
    RunDescribe(action, request, [this](const patchbay::File& file) { return tensor_file(file); });
  }

  void CheckGiven(const patchbay_model_info& model) const {
    if (!settings().image.rgba.defined()) {
      throw patchbay::Error(
          "there is no picture of the subject; give one, as in "
          "image=dog.png,subject=dog,adapter=FILE");
    }
    if (settings().adapter.path.empty()) {
      throw patchbay::Error("there is no adapter; give one, as in adapter=moma.safetensors");
    }
    if ((model.flags & PATCHBAY_MODEL_INPAINTING) != 0) {
      throw patchbay::Error(
          "MoMA has no mask and no picture to tell an inpainting model in its reference pass; draw "
          "with an ordinary model, which takes a mask as well",
          PATCHBAY_FAILED_PRECONDITION);
    }
  }

  Prepared Make(const patchbay_model_info& model, const Blocks& blocks) const {
    const patchbay::TensorFile adapter = tensor_file(settings().adapter);
    std::optional<patchbay::TensorFile> tokens;
    if (!settings().tokens.path.empty()) tokens.emplace(tensor_file(settings().tokens));
    return Prepare(settings(), adapter, tokens.has_value() ? &*tokens : nullptr,
                   model.text_features, blocks,
                   model.native_latent_height * model.pixels_per_latent_pixel);
  }

  const Prepared& Shared(patchbay::Attach& at, const Blocks& blocks) const {
    const auto make = [&] { return std::make_unique<Prepared>(Make(at.model(), blocks)); };
    const std::string key = KeyOf(settings());
    for (int number = 0;; ++number) {
      const Prepared& made = at.shared(key + "|" + std::to_string(number), make);
      // Two sets of pictures may have the same hash.
      const bool same_mask = made.mask.defined() == settings().mask.rgba.defined() &&
                             (!made.mask.defined() || at::equal(made.mask, settings().mask.rgba));
      if (same_mask && at::equal(made.image, settings().image.rgba)) return made;
    }
  }

  Injection::Options OptionsFor(const Blocks& blocks, uint32_t overlay) const {
    std::vector<std::string> names;
    for (const patchbay::Attention& site : blocks.self) {
      const std::string name = site.diffusers_name();
      names.push_back(name.substr(0, name.rfind('.')));
    }
    Injection::Options options;
    options.subject = settings().subject;
    options.strength = StrengthOf(settings());
    options.content = settings().content;
    options.self_until = static_cast<double>(settings().self_until);
    options.use_mask = settings().use_mask;
    options.mask_threshold = settings().mask_threshold;
    options.compat = settings().compat;
    options.has_mask_of_its_own = settings().mask.rgba.defined();
    options.factors = LayerFactors(settings().layers, names);
    options.overlay = overlay;
    return options;
  }

  static void HangOnSelf(const patchbay::Attention& site, const patchbay::Overlay& overlay,
                         const std::shared_ptr<const Injection>& injection, size_t block) {
    site.in(overlay).observe(
        [injection, block](const patchbay::Step& step, const patchbay::AttentionCall& call) {
          injection->Record(step, call, block);
        });
    site.extend(
        [injection, block](const patchbay::Step& step, const patchbay::AttentionCall& call) {
          return injection->SelfTerm(step, call, block);
        });
  }
};

}  // namespace
}  // namespace moma

PATCHBAY_PLUGIN(moma::Moma)
