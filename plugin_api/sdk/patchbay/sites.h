#ifndef PATCHBAY_SDK_SITES_H_
#define PATCHBAY_SDK_SITES_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "patchbay/abi/attach.h"
#include "patchbay/registration.h"
#include "patchbay/trampolines.h"

namespace patchbay {

// A set of hooks that is active only in runs of the network that ask for it (Evaluation::overlay).
class Overlay {
 public:
  explicit Overlay(uint32_t number) : number_(number) {}
  uint32_t number() const { return number_; }

 private:
  uint32_t number_;
};

// A named place in the denoiser, to hang functions on. All functions are called on the thread that
// draws, for several jobs at a time, and so must not change what they capture.
class Site {
 public:
  Site(patchbay_attach* attach, const patchbay_site* site) : attach_(attach), site_(site) {}

  std::string name() const { return site_->name; }
  std::string diffusers_name() const { return site_->diffusers_name; }
  const patchbay_site& info() const { return *site_; }

 protected:
  template <template <class> class Trampoline, class Function>
  void add(const char* id, Function function) const {
    sdk::add_hook<Trampoline>(attach_, id, site_->index, overlay_, std::move(function));
  }

  patchbay_attach* attach_;
  const patchbay_site* site_;
  uint32_t overlay_ = 0;
};

// Self- or cross-attention.
class Attention : public Site {
 public:
  using Site::Site;
  bool is_self() const { return (site_->flags & PATCHBAY_SITE_SELF_ATTENTION) != 0; }
  // The same site; what is hung on the result is active under the overlay only.
  Attention in(const Overlay& overlay) const {
    Attention other = *this;
    other.overlay_ = overlay.number();
    return other;
  }

  // Tensor f(const Step&, const Grid&, Tensor tokens [B, T, C]): the input. May change B and T
  // until `after` (self-attention only).
  template <class Function>
  void before(Function f) const {
    add<sdk::TokenEdit>(PATCHBAY_HOOK_ATTENTION_BEFORE, std::move(f));
  }
  // The same for the output, before it is added to the residual.
  template <class Function>
  void after(Function f) const {
    add<sdk::TokenEdit>(PATCHBAY_HOOK_ATTENTION_AFTER, std::move(f));
  }
  // Tensor f(const Step&, const AttentionCall&): what would be `attended`. One plugin a site.
  template <class Function>
  void replace(Function f) const {
    add<sdk::Attend>(PATCHBAY_HOOK_ATTENTION_REPLACE, std::move(f));
  }
  // Tensor f(const Step&, const AttentionCall&): a term to add to `attended`, or an undefined
  // tensor.
  template <class Function>
  void extend(Function f) const {
    add<sdk::Attend>(PATCHBAY_HOOK_ATTENTION_EXTEND, std::move(f));
  }
  // void f(const Step&, const AttentionCall&)
  template <class Function>
  void observe(Function f) const {
    add<sdk::Attend>(PATCHBAY_HOOK_ATTENTION_OBSERVE, std::move(f));
  }
};

// A resnet, a transformer, a whole block: Tensor f(const Step&, Tensor features [B, C, H, W]).
class Module : public Site {
 public:
  using Site::Site;
  template <class Function>
  void before(Function f) const {
    add<sdk::FeatureEdit>(PATCHBAY_HOOK_MODULE_BEFORE, std::move(f));
  }
  template <class Function>
  void after(Function f) const {
    add<sdk::FeatureEdit>(PATCHBAY_HOOK_MODULE_AFTER, std::move(f));
  }
};

// An entry of the encoder, LDM's input_blocks.N: a resnet with its transformer, a downsampler, or
// the first convolution. It puts one skip connection aside.
class EncoderStage : public Module {
 public:
  using Module::Module;
  // Tensor f(const Step&, Tensor features): its result, before it is put aside.
  template <class Function>
  void before_skip(Function f) const {
    add<sdk::FeatureEdit>(PATCHBAY_HOOK_ENCODER_BEFORE_SKIP, std::move(f));
  }
  // The same on its way to the next stage, after it was put aside.
  template <class Function>
  void after_skip(Function f) const {
    add<sdk::FeatureEdit>(PATCHBAY_HOOK_ENCODER_AFTER_SKIP, std::move(f));
  }
};

// An entry of the decoder, LDM's output_blocks.N. It takes one skip connection back.
class DecoderStage : public Module {
 public:
  using Module::Module;
  // Join f(const Step&, Tensor below, Tensor skip): what is about to be joined.
  template <class Function>
  void join(Function f) const {
    add<sdk::JoinEdit>(PATCHBAY_HOOK_DECODER_JOIN, std::move(f));
  }
};

// A downsampler: a convolution with stride.
class Downsample : public Site {
 public:
  using Site::Site;
  // ConvolutionGeometry f(const Step&, ConvolutionGeometry)
  template <class Function>
  void geometry(Function f) const {
    add<sdk::GeometryEdit>(PATCHBAY_HOOK_CONVOLUTION_GEOMETRY, std::move(f));
  }
};

class Upsample : public Site {
 public:
  using Site::Site;
  // UpsampleTarget f(const Step&, Size input, UpsampleTarget): by default the size of the skip
  // connection that comes next.
  template <class Function>
  void target(Function f) const {
    add<sdk::UpsampleEdit>(PATCHBAY_HOOK_UPSAMPLE_TARGET, std::move(f));
  }
};

// A weight that the model's file stores as integers; patchbay_integer_part says what they mean.
// Views of the file. Draft.
struct IntegerWeight {
  struct Part {
    int64_t inputs = 0;
    Tensor integers;
    Tensor steps;
    Tensor multiples;  // undefined for 8 bits
  };
  int bits = 8;
  bool rotated = false;
  std::vector<Part> parts;  // one or two, along the inputs
  Tensor bias;              // undefined where there is none
};

// A linear layer or a convolution.
class Operator : public Site {
 public:
  using Site::Site;
  Tensor weight() const { return weight_and_bias().first; }
  Tensor bias() const { return weight_and_bias().second; }  // undefined where there is none
  // Both at once, where making the weight may take time: it may be kept packed, or be in its file.
  std::pair<Tensor, Tensor> weight_and_bias() const {
    sdk::HostCall call;
    patchbay_tensor weight = nullptr;
    patchbay_tensor bias = nullptr;
    call.check(
        attach_->functions->operator_weights(attach_, site_->index, &weight, &bias, call.error()));
    return {sdk::adopt(weight), adopt_if_given(bias)};
  }
  // What weight() is made of, where the model's file stores integers and no LoRA was merged. Draft.
  std::optional<IntegerWeight> integer_weight() const {
    sdk::HostCall call;
    patchbay_integer_weight given{};
    given.struct_size = sizeof(given);
    const patchbay_status status =
        attach_->functions->integer_weight(attach_, site_->index, &given, call.error());
    if (status == PATCHBAY_NOT_FOUND) return std::nullopt;
    call.check(status);
    IntegerWeight weight{static_cast<int>(given.bits), given.rotated != 0, {}, {}};
    for (uint32_t i = 0; i < given.part_count; ++i) {
      const patchbay_integer_part& part = given.parts[i];
      weight.parts.push_back({part.inputs, sdk::adopt(part.integers), sdk::adopt(part.steps),
                              adopt_if_given(part.multiples)});
    }
    weight.bias = adopt_if_given(given.bias);
    return weight;
  }

  // Tensor f(const Step&, Tensor input, Tensor): the output. One plugin a site.
  template <class Function>
  void replace(Function f) const {
    add<sdk::OperatorCall>(PATCHBAY_HOOK_OPERATOR_REPLACE, std::move(f));
  }
  // Whether it computes from the prompt alone, and so once for all steps: keys and values of
  // cross-attention. Draft.
  bool is_from_text() const { return (info().flags & PATCHBAY_SITE_FROM_TEXT) != 0; }
  // Lets the host drop the weight while jobs run with this chain; replace() comes first, and its
  // function must give an output at every call. Returns how many bytes that frees. weight() still
  // works, by reading the model's file. Throws where the file is no more what the model was read
  // from. What is kept in its place, such as "int8" of so many bytes, is for reports. Draft.
  uint64_t release_weights(const std::string& kept_type = "", uint64_t kept_bytes = 0) const {
    uint64_t bytes = 0;
    sdk::HostCall call;
    patchbay_stand_in kept{};
    kept.struct_size = sizeof(kept);
    kept.element_type = kept_type.c_str();
    kept.bytes = kept_bytes;
    call.check(attach_->functions->release_weights(
        attach_, site_->index, kept_type.empty() ? nullptr : &kept, &bytes, call.error()));
    return bytes;
  }
  // Tensor f(const Step&, Tensor input, Tensor output)
  template <class Function>
  void transform(Function f) const {
    add<sdk::OperatorCall>(PATCHBAY_HOOK_OPERATOR_TRANSFORM, std::move(f));
  }
  // void f(const Step&, Tensor input, Tensor output)
  template <class Function>
  void observe(Function f) const {
    add<sdk::OperatorCall>(PATCHBAY_HOOK_OPERATOR_OBSERVE, std::move(f));
  }

 private:
  static Tensor adopt_if_given(patchbay_tensor handle) {
    return handle == nullptr ? Tensor() : sdk::adopt(handle);
  }
};

// Sites in the order in which the network runs.
template <class SiteType>
class SiteList : public std::vector<SiteType> {
 public:
  using std::vector<SiteType>::vector;

  // Those where a feature map's pixel covers scale x scale latent pixels: 1, 2, 4, 8.
  SiteList at_scale(int32_t scale) const {
    return where([scale](const patchbay_site& site) { return site.scale == scale; });
  }
  // Those of one down or up block, or of the middle one.
  SiteList in_block(patchbay_part part, int32_t block = -1) const {
    return where([part, block](const patchbay_site& site) {
      return site.part == part && (block < 0 || site.block == block);
    });
  }
  template <class Predicate>
  SiteList where(const Predicate& predicate) const {
    SiteList chosen;
    for (const SiteType& site : *this) {
      if (predicate(site.info())) chosen.push_back(site);
    }
    return chosen;
  }
};

// The denoiser's sites.
class Denoiser {
 public:
  explicit Denoiser(patchbay_attach* attach) : attach_(attach) {}

  SiteList<Attention> attentions() const { return of_kind<Attention>(PATCHBAY_SITE_ATTENTION); }
  SiteList<Attention> self_attentions() const {
    return attentions().where(
        [](const patchbay_site& site) { return (site.flags & PATCHBAY_SITE_SELF_ATTENTION) != 0; });
  }
  SiteList<Attention> cross_attentions() const {
    return attentions().where([](const patchbay_site& site) {
      return (site.flags & PATCHBAY_SITE_CROSS_ATTENTION) != 0;
    });
  }
  SiteList<EncoderStage> encoder_stages() const {
    return of_kind<EncoderStage>(PATCHBAY_SITE_ENCODER_STAGE);
  }
  SiteList<DecoderStage> decoder_stages() const {
    return of_kind<DecoderStage>(PATCHBAY_SITE_DECODER_STAGE);
  }
  SiteList<Module> resnets() const { return of_kind<Module>(PATCHBAY_SITE_RESNET); }
  SiteList<Module> transformers() const { return of_kind<Module>(PATCHBAY_SITE_TRANSFORMER); }
  SiteList<Module> blocks() const { return of_kind<Module>(PATCHBAY_SITE_BLOCK); }
  SiteList<Downsample> downsamples() const { return of_kind<Downsample>(PATCHBAY_SITE_DOWNSAMPLE); }
  SiteList<Upsample> upsamples() const { return of_kind<Upsample>(PATCHBAY_SITE_UPSAMPLE); }
  SiteList<Operator> linears() const { return of_kind<Operator>(PATCHBAY_SITE_LINEAR); }
  SiteList<Operator> convolutions() const { return of_kind<Operator>(PATCHBAY_SITE_CONVOLUTION); }

  // The downsampler of a down block, the upsampler of an up block. Throws where there is none.
  Downsample downsample(int32_t block) const {
    return only(downsamples().in_block(PATCHBAY_PART_DOWN, block), "a downsampler", block);
  }
  Upsample upsample(int32_t block) const {
    return only(upsamples().in_block(PATCHBAY_PART_UP, block), "an upsampler", block);
  }

  // A site by our name, its diffusers path or its LDM path. Throws with the nearest spelling.
  template <class SiteType = Site>
  SiteType site(const std::string& name) const {
    sdk::HostCall call;
    const patchbay_site* found = nullptr;
    call.check(attach_->functions->find_site(attach_, name.c_str(), &found, call.error()));
    return SiteType(attach_, found);
  }

 private:
  template <class SiteType>
  SiteList<SiteType> of_kind(patchbay_site_kind kind) const {
    SiteList<SiteType> sites;
    const uint32_t count = attach_->functions->site_count(attach_);
    for (uint32_t i = 0; i < count; ++i) {
      const patchbay_site* site = attach_->functions->site(attach_, i);
      if (site->kind == kind) sites.emplace_back(attach_, site);
    }
    return sites;
  }

  template <class SiteType>
  static SiteType only(const SiteList<SiteType>& sites, const char* what, int32_t block) {
    if (sites.empty()) {
      throw Error("the model's block " + std::to_string(block) + " has not got " + what,
                  PATCHBAY_FAILED_PRECONDITION);
    }
    return sites.front();
  }

  patchbay_attach* attach_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_SITES_H_
