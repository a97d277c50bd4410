#ifndef PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_EMPHASIS_H_
#define PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_EMPHASIS_H_

#include <ATen/ATen.h>

#include "host/base/compat_profile.h"

namespace patchbay {

// How attention weights act on the hidden states z.
enum class EmphasisRule {
  kNone,         // not at all
  kMeanRestore,  // z w, then scaled so that the chunk's mean is what it was: A1111's "Original"
  kScale,        // z w: A1111's "No norm"
  kLerpEmpty,    // z_empty + w (z - z_empty), z_empty from the empty prompt: ComfyUI
};

// What each program does unless told otherwise.
EmphasisRule DefaultEmphasis(CompatProfile profile);

// Applies weights [R, T] to one chunk's hidden states [R, T, W], where R sequences are encoded
// together; multiplicity [R] says how often each of them stands in the batch whose mean is restored
// (A1111 takes it over all stages of a prompt). empty: [T, W], the same chunk of an empty prompt;
// used by kLerpEmpty only. All tensors fp32 or in hidden's precision.
at::Tensor ApplyEmphasis(const at::Tensor& hidden, const at::Tensor& weights,
                         const at::Tensor& multiplicity, const at::Tensor& empty,
                         EmphasisRule rule);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_TEXT_ENCODER_EMPHASIS_H_
