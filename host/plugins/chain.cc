#include "host/plugins/chain.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/sha256.h"
#include "host/base/status_macros.h"
#include "host/plugins/attach_context.h"
#include "host/plugins/chain_instance.h"
#include "host/plugins/chain_order.h"
#include "host/plugins/plugin_fault.h"
#include "host/plugins/site_list.h"

namespace patchbay {
namespace {

constexpr size_t kShownDigits = 12;  // of a build's sha256

std::vector<OrderConstraints> ConstraintsOf(const std::vector<ChainEntry>& entries) {
  std::vector<OrderConstraints> constraints;
  for (const ChainEntry& entry : entries) {
    const PluginDescription& plugin = entry.library->description();
    constraints.push_back(ConstraintsOf(plugin, entry.wished_place));
  }
  return constraints;
}

absl::Status CheckUsable(const PluginLibrary& library, const HookMonitor& monitor) {
  const PluginDescription& plugin = library.description();
  if (const std::string reason = monitor.SuspensionReason(library.manifest().sha256);
      !reason.empty()) {
    return WithPluginFault(
        absl::FailedPreconditionError(absl::StrCat("plugin ", plugin.id, " is ", reason)),
        {PluginFault::Kind::kSuspended, plugin.id, library.manifest().sha256, ""});
  }
  for (const std::string& hook : plugin.required_hooks) {
    if (FindHookKind(hook) == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("plugin ", plugin.id, " needs ", hook, ", which this host does not offer"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFamily(const PluginLibrary& library, const patchbay_model_info& model) {
  const PluginDescription& plugin = library.description();
  const std::vector<patchbay_model_family>& families = plugin.families;
  if (families.empty() ||
      std::find(families.begin(), families.end(), model.family) != families.end()) {
    return absl::OkStatus();
  }
  const std::string wanted = absl::StrJoin(
      families, ", ",
      [](std::string* out, patchbay_model_family family) { out->append(FamilyName(family)); });
  return WithPluginFault(absl::FailedPreconditionError(absl::StrCat(
                             "plugin ", plugin.id, " is for models of the family ", wanted, "; ",
                             model.name == nullptr ? "this one" : model.name, " is of the family ",
                             FamilyName(model.family))),
                         {PluginFault::Kind::kRefused, plugin.id, library.manifest().sha256, ""});
}

std::string TextOf(const ChainEntry& entry) {
  const PluginDescription& plugin = entry.library->description();
  const std::string settings = entry.settings.CanonicalText();
  return absl::StrCat(plugin.id, " ", plugin.version,
                      settings.empty() ? "" : absl::StrCat(" (", settings, ")"), " ",
                      entry.library->manifest().sha256.substr(0, kShownDigits));
}

// All settings as text, in the schema's order.
SettingPairs AllSettings(const ChainEntry& entry) {
  SettingPairs pairs;
  for (const PluginField& field : entry.library->description().fields) {
    std::string text = field.default_text;
    for (const PluginSetting& setting : entry.settings.values()) {
      if (setting.number == field.number) text = FormatSettingValue(setting.value);
    }
    pairs.emplace_back(field.id, std::move(text));
  }
  return pairs;
}

ChainLink LinkOf(const ChainEntry& entry, const AttachContext::HookedPlaces& places,
                 const std::vector<patchbay_site>& sites) {
  ChainLink link{entry.library->description().id,
                 entry.library->manifest().sha256,
                 AllSettings(entry),
                 {},
                 {places.hooks.begin(), places.hooks.end()}};
  for (const uint32_t site : places.sites) link.sites.emplace_back(sites[site].name);
  return link;
}

// Builds, settings and order as one number.
std::string DigestOf(const std::vector<ChainLink>& links) {
  Sha256 digest;
  const auto add = [&digest](const std::string& text) {
    digest.Update(absl::StrCat(text.size(), ":", text));
  };
  for (const ChainLink& link : links) {
    add(link.build);
    for (const auto& [field, value] : link.settings) {
      add(field);
      add(value);
    }
  }
  return digest.Finish();
}

}  // namespace

absl::Status Chain::TryMake(const ChainEntry& entry, HookMonitor& monitor,
                            const SettingResources& resources) {
  const auto owner = std::make_shared<const HookOwner>(
      HookOwner{entry.library->description().id, entry.library->manifest().sha256, 0, &monitor});
  return Instance::Make(entry, owner, resources).status();
}

Chain::Chain() = default;
Chain::~Chain() = default;

absl::StatusOr<std::shared_ptr<const Chain>> Chain::Build(std::vector<ChainEntry> entries,
                                                          bool is_explicit,
                                                          const ChainEnvironment& environment) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<size_t> order,
                            OrderChain(ConstraintsOf(entries), is_explicit));
  auto chain = absl::WrapUnique(new Chain());
  chain->sites_ = ListSites(environment.sites);
  AttachContext context(environment, chain->sites_);
  // What has been hung so far goes before the instances do, also after an error.
  absl::Status status;
  std::string text;
  for (const size_t index : order) {
    const ChainEntry& entry = entries[index];
    status = CheckUsable(*entry.library, environment.monitor);
    if (status.ok()) status = CheckFamily(*entry.library, environment.model);
    if (!status.ok()) break;
    chain->libraries_.push_back(entry.library);
    const auto owner = std::make_shared<const HookOwner>(
        HookOwner{entry.library->description().id, entry.library->manifest().sha256,
                  chain->builds_.size(), &environment.monitor});
    absl::StatusOr<std::unique_ptr<Instance>> instance =
        Instance::Make(entry, owner, environment.resources);
    if (!instance.ok()) {
      status = instance.status();
      break;
    }
    chain->instances_.push_back(*std::move(instance));
    status = chain->instances_.back()->Attach(context.For(owner));
    if (!status.ok()) break;
    chain->builds_.push_back(entry.library->manifest().sha256);
    chain->plan_.links.push_back(LinkOf(entry, context.places().back(), chain->sites_));
    absl::StrAppend(&text, text.empty() ? "" : "; ", TextOf(entry));
  }
  chain->plan_.digest = DigestOf(chain->plan_.links);
  chain->hooks_ = context.TakeHooks();
  chain->hooks_.text = std::move(text);
  if (Breadcrumbs* const breadcrumbs = environment.monitor.breadcrumbs(); breadcrumbs != nullptr) {
    chain->hooks_.host_begins = [breadcrumbs](int32_t step) {
      breadcrumbs->Enter({"", "", "", step});
    };
    chain->hooks_.host_ends = [breadcrumbs] { breadcrumbs->Leave(); };
  }
  chain->shared_ = context.TakeSharedObjects();
  chain->released_ = context.released();
  chain->stand_ins_ = context.stand_ins();
  if (!status.ok()) return status;
  return std::shared_ptr<const Chain>(std::move(chain));
}

}  // namespace patchbay
