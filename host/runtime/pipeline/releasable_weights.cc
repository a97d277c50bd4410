#include "host/runtime/pipeline/releasable_weights.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/process_memory.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

std::string TensorName(const SiteTable& sites, SiteIndex site) {
  return absl::StrCat(sites[site].diffusers_name, ".weight");
}

std::string_view FirstBytes(const StoredWeight& weight) {
  constexpr size_t kFirstBytes = 64;
  if (!weight.is_quantized()) {
    return {static_cast<const char*>(weight.tensor.const_data_ptr()),
            std::min(kFirstBytes, weight.tensor.nbytes())};
  }
  const absl::Span<const std::byte> bytes = weight.Bytes();
  return {reinterpret_cast<const char*>(bytes.data()), std::min(kFirstBytes, bytes.size())};
}

}  // namespace

ReleasableWeights::ReleasableWeights(WeightMap stored, LoraSet merged, at::ScalarType precision,
                                     at::Device device, const SiteTable& sites)
    : stored_(std::move(stored)),
      merged_(std::move(merged)),
      precision_(precision),
      device_(device) {
  for (const Site& site : sites.sites()) {
    const std::shared_ptr<OperatorStorage> storage = sites.Storage(site.index);
    if (storage != nullptr && !storage->has_weight()) released_.insert(site.index);
  }
}

std::string ReleasableWeights::Digest() const {
  Sha256 digest;
  for (const auto& [name, weight] : stored_) {
    const std::string type =
        weight.is_quantized() ? weight.TypeName() : at::toString(weight.tensor.scalar_type());
    digest.Update(
        absl::StrCat(name, "|", type, "|", absl::StrJoin(weight.tensor.sizes(), "x"), "|"));
    // Pages of a file that has been cut short must not be touched.
    if (weight.file != nullptr && !weight.file->CheckUnchanged().ok()) continue;
    digest.Update(FirstBytes(weight));
  }
  return digest.Finish();
}

absl::Status ReleasableWeights::Check(const SiteTable& sites, SiteIndex site) const {
  const auto stored = stored_.find(TensorName(sites, site));
  if (stored == stored_.end() || sites.Storage(site) == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("site ", sites[site].name, " has no weight of its own in the model's file"));
  }
  // Made in memory, as tests do.
  if (stored->second.file == nullptr) return absl::OkStatus();
  const absl::Status unchanged = stored->second.file->CheckUnchanged();
  if (unchanged.ok()) return unchanged;
  return absl::FailedPreconditionError(
      absl::StrCat(std::string(unchanged.message()), ", and the weight of ", sites[site].name,
                   " cannot be read from it again; unload the model, so that all of it is read "
                   "from what the file is now"));
}

WeightReader ReleasableWeights::ReaderOf(const SiteTable& sites, SiteIndex site) const {
  WeightReader reader(sites[site].name, {*stored_.find(TensorName(sites, site))}, precision_,
                      device_);
  merged_.MergeInto(LoraComponent::kUNet, reader);
  return reader;
}

absl::StatusOr<at::Tensor> ReleasableWeights::ReadStored(const SiteTable& sites,
                                                         SiteIndex site) const {
  PATCHBAY_RETURN_IF_ERROR(Check(sites, site));
  WeightReader reader = ReaderOf(sites, site);
  at::Tensor weight = reader.Read(TensorName(sites, site), sites.Storage(site)->shape());
  PATCHBAY_RETURN_IF_ERROR(reader.Finish());
  // Changed while it was being read.
  PATCHBAY_RETURN_IF_ERROR(Check(sites, site));
  return weight;
}

absl::StatusOr<OperatorWeights> ReleasableWeights::Read(const SiteTable& sites,
                                                        SiteIndex site) const {
  const std::shared_ptr<OperatorStorage> storage = sites.Storage(site);
  if (storage == nullptr) return Check(sites, site);
  OperatorWeights weights = storage->Weights();
  if (weights.weight.defined()) return weights;
  PATCHBAY_ASSIGN_OR_RETURN(weights.weight, ReadStored(sites, site));
  return weights;
}

absl::StatusOr<std::shared_ptr<const IntegerWeight>> ReleasableWeights::Integers(
    const SiteTable& sites, SiteIndex site) const {
  PATCHBAY_RETURN_IF_ERROR(Check(sites, site));
  const std::string name = TensorName(sites, site);
  if (!ReaderOf(sites, site).IsIntegers(name)) return nullptr;
  return stored_.find(name)->second.LendIntegers();
}

absl::Status ReleasableWeights::Release(const SiteTable& sites, const std::set<SiteIndex>& wanted) {
  if (wanted == released_) return absl::OkStatus();
  for (auto site = released_.begin(); site != released_.end();) {
    if (wanted.count(*site) != 0) {
      ++site;
      continue;
    }
    PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor weight, ReadStored(sites, *site));
    sites.Storage(*site)->GiveBack(weight);
    site = released_.erase(site);
  }
  for (const SiteIndex site : wanted) {
    if (released_.count(site) != 0) continue;
    PATCHBAY_RETURN_IF_ERROR(Check(sites, site));
    sites.Storage(site)->LetGo();
    released_.insert(site);
  }
  // What was let go of, and what reading has used.
  ReturnFreedMemory();
  return absl::OkStatus();
}

}  // namespace patchbay
