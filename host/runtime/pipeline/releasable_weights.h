#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_RELEASABLE_WEIGHTS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_RELEASABLE_WEIGHTS_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "host/runtime/checkpoint/weight_map.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/lora/lora_set.h"
#include "host/runtime/nn/site.h"

namespace patchbay {

// The weights of a loaded denoiser's linear layers and convolutions, which can be let go of for as
// long as plugins compute in the operators' places, and are read from the checkpoint again
// afterwards: in the same precision and with the same LoRAs merged. One thread at a time; none of
// the operators may run meanwhile.
class ReleasableWeights {
 public:
  // stored: what the denoiser was read from, or is to be read from where its sites have no weights
  // yet. merged: the LoRAs that are merged into it.
  ReleasableWeights(WeightMap stored, LoraSet merged, at::ScalarType precision, at::Device device,
                    const SiteTable& sites);
  ReleasableWeights(const ReleasableWeights&) = delete;
  ReleasableWeights& operator=(const ReleasableWeights&) = delete;

  // Tells the stored weights of the denoiser from all others, wherever their files lie and whatever
  // is merged into them: SHA-256 of every tensor's name, type, size and first values, without the
  // values of files that have been changed meanwhile.
  std::string Digest() const;

  // Whether the weight could be read again. FAILED_PRECONDITION when its file has been changed;
  // INVALID_ARGUMENT for a site that has no weight.
  absl::Status Check(const SiteTable& sites, SiteIndex site) const;
  // The operator's weights, from the file where they are not in memory. Errors as Check().
  absl::StatusOr<OperatorWeights> Read(const SiteTable& sites, SiteIndex site) const;
  // The operator's weight as integers, where that is how the model computes with it; otherwise
  // null. Errors as Check().
  absl::StatusOr<std::shared_ptr<const IntegerWeight>> Integers(const SiteTable& sites,
                                                                SiteIndex site) const;
  // Lets go of the weights of these sites and reads those again that were let go of before and are
  // not among them. When a weight cannot be read, it stays let go of and nothing else changes any
  // more: the denoiser must not be used without a call that succeeds. Errors as Check().
  absl::Status Release(const SiteTable& sites, const std::set<SiteIndex>& wanted);

 private:
  WeightReader ReaderOf(const SiteTable& sites, SiteIndex site) const;
  absl::StatusOr<at::Tensor> ReadStored(const SiteTable& sites, SiteIndex site) const;

  const WeightMap stored_;
  const LoraSet merged_;
  const at::ScalarType precision_;
  const at::Device device_;
  std::set<SiteIndex> released_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_RELEASABLE_WEIGHTS_H_
