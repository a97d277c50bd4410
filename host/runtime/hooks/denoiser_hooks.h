#ifndef PATCHBAY_HOST_RUNTIME_HOOKS_DENOISER_HOOKS_H_
#define PATCHBAY_HOST_RUNTIME_HOOKS_DENOISER_HOOKS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "host/runtime/hooks/evaluation.h"
#include "host/runtime/nn/operator_table.h"
#include "host/runtime/nn/packed_convolution_weight.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// What hangs on the sites of a denoiser, as the denoiser calls it. A function that leaves its
// tensor as it is returns it, or an undefined tensor. Functions report errors by throwing
// HookFailure, and are called by several jobs at once.

// The positions that tokens stand for, row by row.
struct TokenGrid {
  int64_t height = 0;
  int64_t width = 0;
};

// One attention between its projections and its output projection; see patchbay_attention.
struct AttentionState {
  TokenGrid grid;
  int64_t heads = 1;
  const at::Tensor& query;
  const at::Tensor& key;
  const at::Tensor& value;
  const at::Tensor& tokens;
  const at::Tensor& attended;  // undefined before it is computed
};

struct AttentionHooks {
  using TokenEdit =
      std::function<at::Tensor(const Evaluation&, const TokenGrid&, const at::Tensor& tokens)>;
  using Attend = std::function<at::Tensor(const Evaluation&, const AttentionState&)>;

  std::vector<TokenEdit> before;
  std::vector<TokenEdit> after;
  // The first that gives something decides.
  std::vector<Attend> replace;
  std::vector<Attend> extend;
  std::vector<Attend> observe;
};

using FeatureEdit = std::function<at::Tensor(const Evaluation&, const at::Tensor& features)>;

// Of a resnet, a transformer, a block, a stage.
struct ModuleHooks {
  std::vector<FeatureEdit> before;
  std::vector<FeatureEdit> after;
  // Encoder stages only.
  std::vector<FeatureEdit> before_skip;
  std::vector<FeatureEdit> after_skip;
  // Decoder stages only: may assign to both.
  std::vector<std::function<void(const Evaluation&, at::Tensor& below, at::Tensor& skip)>> join;
};

struct UpsampleTarget {
  int64_t height = 0;
  int64_t width = 0;
  enum class Mode { kNearest, kBilinear, kBicubic } mode = Mode::kNearest;
};

// Of a downsampler or an upsampler.
struct ResamplingHooks {
  std::vector<std::function<void(const Evaluation&, ConvolutionGeometry&)>> geometry;
  std::vector<std::function<void(const Evaluation&, TokenGrid input, UpsampleTarget&)>> target;
};

// Hooks of one kind by site. Without any, finding one costs one load and one branch.
template <typename Hooks>
class SiteHooks {
 public:
  bool empty() const { return hooks_.empty(); }

  const Hooks* Find(SiteIndex site) const {
    return hooks_.empty() ? nullptr : hooks_[static_cast<size_t>(site)].get();
  }

  // To add to; only while the chain is being built. `sites` is the number of sites.
  Hooks& At(SiteIndex site, size_t sites) {
    hooks_.resize(sites);
    std::shared_ptr<Hooks>& place = hooks_[static_cast<size_t>(site)];
    if (place == nullptr) place = std::make_shared<Hooks>();
    return *place;
  }

 private:
  std::vector<std::shared_ptr<Hooks>> hooks_;
};

// Everything that a chain hangs on one denoiser's sites. Immutable while in use.
struct DenoiserHooks {
  OperatorTable operators;
  SiteHooks<AttentionHooks> attentions;
  SiteHooks<ModuleHooks> modules;
  SiteHooks<ResamplingHooks> resamplings;
  // Group norms of resnets and of the output take their statistics over all pictures of a run.
  bool norms_over_pictures = false;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_HOOKS_DENOISER_HOOKS_H_
