#include "host/plugins/plugin_catalogue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/sha256.h"
#include "host/base/spelling.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr size_t kMinDigits = 8;
constexpr size_t kShownDigits = 12;

using Build = PluginCatalogue::Build;

auto HasBuild(const std::string& sha256) {
  return [&sha256](const Build& build) { return build.plugin.manifest.sha256 == sha256; };
}

absl::Status UnknownPlugin(const std::string& id,
                           const std::map<std::string, std::vector<Build>>& plugins) {
  std::vector<std::string> ids;
  for (const auto& [known, builds] : plugins) ids.push_back(known);
  const std::string nearest = NearestSpelling(id, ids);
  return absl::NotFoundError(
      absl::StrCat("there is no plugin \"", absl::Utf8SafeCHexEscape(id.substr(0, 80)), "\"",
                   !nearest.empty() ? absl::StrCat("; did you mean ", nearest, "?")
                   : ids.empty()    ? "; none were found in the folders of plugins"
                                    : absl::StrCat("; there are ", absl::StrJoin(ids, ", "))));
}

}  // namespace

void PluginCatalogue::AddNewest(Build build) {
  std::vector<Build>& builds = plugins_[build.plugin.manifest.description.id];
  std::erase_if(builds, HasBuild(build.plugin.manifest.sha256));
  builds.insert(builds.begin(), std::move(build));
}

void PluginCatalogue::Replace(const Build& build) {
  std::vector<Build>& builds = plugins_[build.plugin.manifest.description.id];
  std::replace_if(builds.begin(), builds.end(), HasBuild(build.plugin.manifest.sha256), build);
}

void PluginCatalogue::AddOldest(Build build) {
  std::vector<Build>& builds = plugins_[build.plugin.manifest.description.id];
  const bool known =
      std::any_of(builds.begin(), builds.end(), HasBuild(build.plugin.manifest.sha256));
  if (!known) builds.push_back(std::move(build));
}

const Build* PluginCatalogue::FindExact(const std::string& id, const std::string& build) const {
  const auto plugin = plugins_.find(id);
  if (plugin == plugins_.end()) return nullptr;
  const auto found = std::find_if(plugin->second.begin(), plugin->second.end(), HasBuild(build));
  return found == plugin->second.end() ? nullptr : &*found;
}

absl::StatusOr<Build> PluginCatalogue::Find(const std::string& id, std::string_view digits) const {
  const auto plugin = plugins_.find(id);
  if (plugin == plugins_.end()) return UnknownPlugin(id, plugins_);
  const std::vector<Build>& builds = plugin->second;
  if (digits.empty()) {
    const auto record = records_.plugins.find(id);
    const Build* chosen =
        record == records_.plugins.end() ? nullptr : FindExact(id, record->second.chosen);
    return chosen == nullptr ? builds.front() : *chosen;
  }
  const std::string shown(digits.substr(0, 64));
  if (digits.size() < kMinDigits || !IsHexadecimal(digits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", shown, "\" names no build; give 8 or more digits of its SHA-256"));
  }
  std::vector<const Build*> matches;
  for (const Build& build : builds) {
    if (build.plugin.manifest.sha256.rfind(digits, 0) == 0) matches.push_back(&build);
  }
  if (matches.size() == 1) return *matches.front();
  if (!matches.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("several builds of ", id, " begin with ", shown, "; give more digits"));
  }
  return absl::NotFoundError(
      absl::StrCat("plugin ", id, " has no build ", shown, "; there are ",
                   absl::StrJoin(builds, ", ", [](std::string* out, const Build& build) {
                     absl::StrAppend(out, build.plugin.manifest.sha256.substr(0, kShownDigits));
                   })));
}

OrderConstraints PluginCatalogue::ConstraintsOfActive(const std::string& id) const {
  return ConstraintsOf(FindExact(id, Active(id)->build)->plugin.manifest.description,
                       WishedPlace(id));
}

absl::Status PluginCatalogue::CheckBesideActive(const std::string& id, const Build& build) const {
  std::vector<OrderConstraints> constraints = {
      ConstraintsOf(build.plugin.manifest.description, WishedPlace(id))};
  for (const auto& [other, record] : records_.plugins) {
    if (other != id && Active(other) != nullptr) constraints.push_back(ConstraintsOfActive(other));
  }
  const auto order = OrderChain(constraints, /*is_explicit=*/false);
  if (order.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "plugin ", id, " cannot act besides those that are active: ", order.status().message(),
      "; retire the other first"));
}

absl::Status PluginCatalogue::Activate(const std::string& id,
                                       PluginRecords::Activation activation) {
  PATCHBAY_RETURN_IF_ERROR(CheckBesideActive(id, *FindExact(id, activation.build)));
  PluginRecords::OfPlugin& record = records_.plugins[id];
  // Other settings of the same build are no other build to go back to.
  if (record.active.has_value() && record.active->build != activation.build) {
    was_active_.insert(record.active->build);
    record.previous = std::move(record.active);
  }
  record.chosen = activation.build;
  record.active = std::move(activation);
  return absl::OkStatus();
}

absl::Status PluginCatalogue::RollBack(const std::string& id) {
  const auto record = records_.plugins.find(id);
  if (record == records_.plugins.end() || !record->second.previous.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", id, " has had no other active build that it could go back to"));
  }
  PluginRecords::OfPlugin& plugin = record->second;
  const Build* const former = FindExact(id, plugin.previous->build);
  if (former == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", id, ": its former build ",
                     plugin.previous->build.substr(0, kShownDigits), " is not installed any more"));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckBesideActive(id, *former));
  if (plugin.active.has_value()) was_active_.insert(plugin.active->build);
  std::swap(plugin.active, plugin.previous);
  plugin.chosen = plugin.active->build;
  return absl::OkStatus();
}

absl::Status PluginCatalogue::Retire(const std::string& id) {
  const auto record = records_.plugins.find(id);
  if (record == records_.plugins.end() || !record->second.active.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("plugin ", id, " is not active"));
  }
  was_active_.insert(record->second.active->build);
  record->second.previous = std::exchange(record->second.active, std::nullopt);
  return absl::OkStatus();
}

absl::Status PluginCatalogue::SetOrder(const std::vector<std::string>& ids) {
  std::vector<OrderConstraints> constraints;
  for (const std::string& id : ids) {
    PATCHBAY_ASSIGN_OR_RETURN(const Build build, Find(id));
    constraints.push_back(ConstraintsOf(build.plugin.manifest.description, 0));
  }
  PATCHBAY_RETURN_IF_ERROR(CheckPrecedence(constraints));
  const std::vector<std::string> former = std::exchange(records_.order, {});
  const auto is_named = [&ids](const std::string& id) {
    return std::find(ids.begin(), ids.end(), id) != ids.end();
  };
  if (ids.empty()) return absl::OkStatus();
  // The named ones take, in their order, the places of named ones; those that had none come last.
  auto next = ids.begin();
  for (const std::string& id : former) records_.order.push_back(is_named(id) ? *next++ : id);
  records_.order.insert(records_.order.end(), next, ids.end());
  return absl::OkStatus();
}

int PluginCatalogue::WishedPlace(const std::string& id) const {
  const auto found = std::find(records_.order.begin(), records_.order.end(), id);
  return found == records_.order.end() ? 0 : static_cast<int>(found - records_.order.begin()) + 1;
}

const PluginRecords::Activation* PluginCatalogue::Active(const std::string& id) const {
  const auto record = records_.plugins.find(id);
  if (record == records_.plugins.end() || !record->second.active.has_value()) return nullptr;
  const PluginRecords::Activation& active = *record->second.active;
  return FindExact(id, active.build) == nullptr ? nullptr : &active;
}

std::vector<std::string> PluginCatalogue::ActiveIds() const {
  std::vector<std::string> ids;
  std::vector<OrderConstraints> constraints;
  for (const auto& [id, record] : records_.plugins) {
    if (Active(id) == nullptr) continue;
    ids.push_back(id);
    constraints.push_back(ConstraintsOfActive(id));
  }
  const auto order = OrderChain(constraints, /*is_explicit=*/false);
  if (!order.ok()) return ids;
  std::vector<std::string> ordered;
  for (const size_t i : *order) ordered.push_back(ids[i]);
  return ordered;
}

bool PluginCatalogue::WasActive(const std::string& id, const std::string& build) const {
  if (was_active_.count(build) > 0) return true;
  const auto record = records_.plugins.find(id);
  return record != records_.plugins.end() && record->second.previous.has_value() &&
         record->second.previous->build == build;
}

}  // namespace patchbay
