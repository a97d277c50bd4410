#include "host/plugins/attach_context.h"

#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"
#include "host/runtime/hooks/tensor_handle.h"

namespace patchbay {
namespace {

patchbay_status Report(const absl::Status& status, patchbay_error* error) {
  if (!status.ok() && error != nullptr) {
    std::snprintf(error->text, sizeof(error->text), "%s", std::string(status.message()).c_str());
  }
  return static_cast<patchbay_status>(status.code());
}

absl::Status UnknownSite(const SiteTable& sites, const std::string& name) {
  std::vector<std::string> names;
  for (const Site& site : sites.sites()) names.push_back(site.name);
  const std::string nearest = NearestSpelling(name, names);
  return absl::NotFoundError(absl::StrCat("the model has no site \"", name, "\"",
                                          nearest.empty() ? "" : "; did you mean ", nearest));
}

// A hook's data goes back to its plugin unless a target has taken it over.
class UnclaimedData {
 public:
  explicit UnclaimedData(const patchbay_hook& hook) : hook_(hook) {}
  ~UnclaimedData() {
    if (!claimed_ && hook_.release != nullptr) hook_.release(hook_.data);
  }
  UnclaimedData(const UnclaimedData&) = delete;
  UnclaimedData& operator=(const UnclaimedData&) = delete;
  void Claim() { claimed_ = true; }

 private:
  const patchbay_hook& hook_;
  bool claimed_ = false;
};

}  // namespace

// The C functions; `host` of the patchbay_attach is the context.
struct AttachContext::Functions {
  static AttachContext& Of(const patchbay_attach* attach) {
    return *static_cast<AttachContext*>(attach->host);
  }

  static uint32_t SiteCount(const patchbay_attach* attach) {
    return static_cast<uint32_t>(Of(attach).described_.size());
  }

  static const patchbay_site* SiteAt(const patchbay_attach* attach, uint32_t index) {
    const auto& sites = Of(attach).described_;
    return index < sites.size() ? &sites[index] : nullptr;
  }

  static patchbay_status FindSite(const patchbay_attach* attach, const char* name,
                                  const patchbay_site** site, patchbay_error* error) {
    const AttachContext& context = Of(attach);
    const std::optional<SiteIndex> found = context.sites_.Find(name);
    if (!found) return Report(UnknownSite(context.sites_, name), error);
    *site = &context.described_[static_cast<size_t>(*found)];
    return PATCHBAY_OK;
  }

  static patchbay_status AddHook(patchbay_attach* attach, const patchbay_hook* hook,
                                 patchbay_error* error) {
    return Report(Of(attach).AddHook(*hook), error);
  }

  static patchbay_status Require(patchbay_attach* attach, uint32_t requirements,
                                 patchbay_error* error) {
    constexpr uint32_t kKnown =
        uint32_t{PATCHBAY_REQUIRE_UNCONDITIONAL} | uint32_t{PATCHBAY_REQUIRE_NORMS_OVER_PICTURES};
    if ((requirements & ~kKnown) != 0) {
      return Report(
          absl::UnimplementedError("the plugin requires something that this host does not "
                                   "know"),
          error);
    }
    if ((requirements & PATCHBAY_REQUIRE_UNCONDITIONAL) != 0) {
      Of(attach).collection_.hooks.sampling.requires_unconditional = true;
    }
    if ((requirements & PATCHBAY_REQUIRE_NORMS_OVER_PICTURES) != 0) {
      Of(attach).collection_.hooks.denoiser.norms_over_pictures = true;
    }
    return PATCHBAY_OK;
  }

  static uint32_t AddOverlay(patchbay_attach* attach) { return ++Of(attach).overlays_; }

  static patchbay_status OperatorWeightsOf(const patchbay_attach* attach, uint32_t site,
                                           patchbay_tensor* weight, patchbay_tensor* bias,
                                           patchbay_error* error) {
    const absl::StatusOr<OperatorWeights> weights = Of(attach).WeightsAt(site);
    if (!weights.ok()) return Report(weights.status(), error);
    *weight = NewHandle(weights->weight);
    *bias = weights->bias.defined() ? NewHandle(weights->bias) : nullptr;
    return PATCHBAY_OK;
  }

  static patchbay_status ReleaseWeights(patchbay_attach* attach, uint32_t site,
                                        const patchbay_stand_in* stand_in, uint64_t* bytes,
                                        patchbay_error* error) {
    const absl::StatusOr<uint64_t> freed = Of(attach).ReleaseWeights(site, stand_in);
    if (!freed.ok()) return Report(freed.status(), error);
    *bytes = *freed;
    return PATCHBAY_OK;
  }

  static patchbay_status IntegersOf(const patchbay_attach* attach, uint32_t site,
                                    patchbay_integer_weight* weight, patchbay_error* error) {
    return Report(Of(attach).GiveIntegers(site, *weight), error);
  }

  static patchbay_status Shared(patchbay_attach* attach, const char* key,
                                patchbay_status (*make)(void*, void**, patchbay_error*), void* data,
                                void (*destroy)(void*), void** object, patchbay_error* error) {
    AttachContext& context = Of(attach);
    // The model as it is loaded: LoRAs may be merged into it, and not into another of its file.
    const std::string name =
        absl::StrCat(context.owner_->build, "|",
                     absl::Hex(reinterpret_cast<uintptr_t>(&context.sites_)), "|", key);
    patchbay_status status = PATCHBAY_OK;
    std::shared_ptr<void> shared = context.shared_.Get(name, [&]() -> std::shared_ptr<void> {
      void* made = nullptr;
      status = make(data, &made, error);
      return status == PATCHBAY_OK ? std::shared_ptr<void>(made, destroy) : nullptr;
    });
    if (shared == nullptr) return status;
    *object = shared.get();
    context.kept_.push_back(std::move(shared));
    return PATCHBAY_OK;
  }

  static constexpr patchbay_attach_functions kTable = {
      .struct_size = sizeof(patchbay_attach_functions),
      .site_count = &SiteCount,
      .site = &SiteAt,
      .find_site = &FindSite,
      .add_hook = &AddHook,
      .require = &Require,
      .add_overlay = &AddOverlay,
      .operator_weights = &OperatorWeightsOf,
      .shared = &Shared,
      .release_weights = &ReleaseWeights,
      .integer_weight = &IntegersOf,
  };
};

AttachContext::AttachContext(const ChainEnvironment& environment,
                             const std::vector<patchbay_site>& described)
    : environment_(environment),
      sites_(environment.sites),
      described_(described),
      shared_(environment.shared) {
  const std::string& action = environment.action;
  attach_ = {.struct_size = sizeof(patchbay_attach),
             .model = &environment.model,
             .functions = &Functions::kTable,
             .host = this,
             .action = action.empty() ? nullptr : action.c_str()};
}

patchbay_attach& AttachContext::For(std::shared_ptr<const HookOwner> owner) {
  owner_ = std::move(owner);
  collection_.hooks.plugin_ids.push_back(owner_->plugin);
  places_.emplace_back();
  return attach_;
}

absl::Status AttachContext::AddHook(const patchbay_hook& hook) {
  UnclaimedData data(hook);
  const HookKind* const kind = FindHookKind(hook.id);
  if (kind == nullptr) {
    return absl::UnimplementedError(absl::StrCat("this host does not offer ", hook.id));
  }
  if (hook.function == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(hook.id, ": there is no function"));
  }
  const patchbay_site* site = nullptr;
  if (kind->place != HookPlace::kPass) {
    if (hook.site >= described_.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(hook.id, ": the model has no site number ", hook.site));
    }
    site = &described_[hook.site];
    if (absl::Status status = CheckPlace(*kind, *site); !status.ok()) return status;
  }
  if (kind->is_exclusive) {
    // A pass hook is exclusive within its plugin's place in the chain, a site's within the chain.
    const std::string scope =
        site == nullptr ? absl::StrCat(hook.id, " of ", owner_->place) : std::string(hook.id);
    const auto [taken, is_new] =
        exclusive_.try_emplace({scope, hook.site, hook.overlay}, owner_->plugin);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrCat(hook.id, site == nullptr ? "" : absl::StrCat(" at ", site->name),
                       " is taken by plugin ", taken->second));
    }
  }
  places_.back().hooks.insert(hook.id);
  if (site != nullptr) places_.back().sites.insert(hook.site);
  data.Claim();
  kind->add(std::make_shared<const HookTarget>(owner_, hook, site), *owner_,
            static_cast<SiteIndex>(hook.site), described_.size(), collection_);
  return absl::OkStatus();
}

absl::StatusOr<OperatorWeights> AttachContext::WeightsAt(uint32_t site) const {
  const auto index = static_cast<SiteIndex>(site);
  const auto storage = site < described_.size() ? sites_.Storage(index) : nullptr;
  if (storage == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("site ", site, " has no weights of its own"));
  }
  if (storage->has_weight() || environment_.weights == nullptr) return storage->Weights();
  return environment_.weights->Read(index);
}

absl::StatusOr<uint64_t> AttachContext::ReleaseWeights(uint32_t site,
                                                       const patchbay_stand_in* stand_in) {
  const auto index = static_cast<SiteIndex>(site);
  const auto storage = site < described_.size() ? sites_.Storage(index) : nullptr;
  if (storage == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("site ", site, " has no weights of its own"));
  }
  const auto replaced = exclusive_.find({PATCHBAY_HOOK_OPERATOR_REPLACE, site, /*overlay=*/0});
  if (replaced == exclusive_.end() || replaced->second != owner_->plugin) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the weight of ", described_[site].name,
        " can be released only by a plugin that has hung " PATCHBAY_HOOK_OPERATOR_REPLACE
        " there, without an overlay"));
  }
  if (environment_.weights == nullptr) return 0;
  if (absl::Status status = environment_.weights->CheckRelease(index); !status.ok()) return status;
  if (released_.insert(index).second && stand_in != nullptr) {
    constexpr size_t kLongestType = 32;
    stand_ins_[std::string(stand_in->element_type,
                           strnlen(stand_in->element_type, kLongestType))] += stand_in->bytes;
  }
  return storage->bytes();
}

absl::Status AttachContext::GiveIntegers(uint32_t site, patchbay_integer_weight& weight) const {
  const auto index = static_cast<SiteIndex>(site);
  const auto storage = site < described_.size() ? sites_.Storage(index) : nullptr;
  if (storage == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("site ", site, " has no weights of its own"));
  }
  std::shared_ptr<const IntegerWeight> stored;
  if (environment_.weights != nullptr) {
    PATCHBAY_ASSIGN_OR_RETURN(stored, environment_.weights->Integers(index));
  }
  if (stored == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("the weight of ", described_[site].name, " is stored in floating point"));
  }
  weight.bits = static_cast<uint32_t>(stored->bits);
  weight.rotated = stored->rotated ? 1 : 0;
  weight.part_count = static_cast<uint32_t>(stored->parts.size());
  for (size_t i = 0; i < stored->parts.size(); ++i) {
    const IntegerWeight::Part& part = stored->parts[i];
    patchbay_integer_part& given = weight.parts[i];
    given.struct_size = sizeof(given);
    given.inputs = part.inputs;
    given.integers = NewHandle(part.integers);
    given.steps = NewHandle(part.steps);
    given.multiples = part.multiples.defined() ? NewHandle(part.multiples) : nullptr;
  }
  const at::Tensor bias = storage->Weights().bias;
  weight.bias = bias.defined() ? NewHandle(bias) : nullptr;
  return absl::OkStatus();
}

ModelHooks AttachContext::TakeHooks() {
  return Finish(std::exchange(collection_, {}), described_.size());
}

}  // namespace patchbay
