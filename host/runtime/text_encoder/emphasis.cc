#include "host/runtime/text_encoder/emphasis.h"

namespace patchbay {
namespace {

// The mean over all sequences, each counted as often as it stands in the batch.
at::Tensor BatchMean(const at::Tensor& hidden, const at::Tensor& multiplicity) {
  const at::Tensor rows = hidden.mean(at::IntArrayRef({1, 2}));
  return (rows * multiplicity).sum() / multiplicity.sum();
}

}  // namespace

EmphasisRule DefaultEmphasis(CompatProfile profile) {
  switch (profile) {
    case CompatProfile::kComfyUi:
      return EmphasisRule::kLerpEmpty;
    case CompatProfile::kA1111:
      return EmphasisRule::kMeanRestore;
    case CompatProfile::kDiffusers:
      break;
  }
  return EmphasisRule::kNone;
}

at::Tensor ApplyEmphasis(const at::Tensor& hidden, const at::Tensor& weights,
                         const at::Tensor& multiplicity, const at::Tensor& empty,
                         EmphasisRule rule) {
  if (rule == EmphasisRule::kNone || (weights == 1).all().item<bool>()) return hidden;
  // The mean is a sum of tens of thousands of values: fp32 whatever the network computes in.
  const at::Tensor z = hidden.to(at::kFloat);
  const at::Tensor w = weights.to(z.options()).unsqueeze(2);
  at::Tensor result;
  if (rule == EmphasisRule::kLerpEmpty) {
    const at::Tensor base = empty.to(at::kFloat);
    result = at::where(w == 1, z, base + (z - base) * w);
  } else {
    result = z * w;
  }
  if (rule == EmphasisRule::kMeanRestore) {
    const at::Tensor counts = multiplicity.to(z.options());
    result = result * (BatchMean(z, counts) / BatchMean(result, counts));
  }
  return result.to(hidden.scalar_type());
}

}  // namespace patchbay
