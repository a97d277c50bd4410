#include "host/plugins/chain_order.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

bool Names(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

bool MustPrecede(const OrderConstraints& first, const OrderConstraints& second) {
  return Names(first.before, second.id) || Names(second.after, first.id);
}

absl::Status CheckNoneTwice(const std::vector<OrderConstraints>& plugins) {
  std::set<std::string> ids;
  for (const OrderConstraints& plugin : plugins) {
    if (!ids.insert(plugin.id).second && !plugin.is_repeatable) {
      return absl::InvalidArgumentError(absl::StrCat("plugin ", plugin.id, " is asked for twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckConflicts(const std::vector<OrderConstraints>& plugins) {
  for (size_t i = 0; i < plugins.size(); ++i) {
    for (size_t j = i + 1; j < plugins.size(); ++j) {
      const OrderConstraints& a = plugins[i];
      const OrderConstraints& b = plugins[j];
      if (Names(a.conflicts, b.id) || Names(b.conflicts, a.id)) {
        return absl::InvalidArgumentError(
            absl::StrCat("plugins ", a.id, " and ", b.id, " cannot be used together"));
      }
    }
  }
  return absl::OkStatus();
}

// By before and after; among those that may come next, the one with the lowest rank.
absl::StatusOr<std::vector<size_t>> Ordered(const std::vector<OrderConstraints>& plugins,
                                            const std::vector<size_t>& rank) {
  std::set<size_t> waiting;
  for (size_t i = 0; i < plugins.size(); ++i) waiting.insert(i);
  std::vector<size_t> order;
  while (!waiting.empty()) {
    const auto is_ready = [&](size_t candidate) {
      return std::none_of(waiting.begin(), waiting.end(), [&](size_t other) {
        return other != candidate && MustPrecede(plugins[other], plugins[candidate]);
      });
    };
    std::optional<size_t> next;
    for (const size_t candidate : waiting) {
      if (is_ready(candidate) && (!next || rank[candidate] < rank[*next])) next = candidate;
    }
    if (!next) {
      return absl::InvalidArgumentError(absl::StrCat(
          "each of these plugins wants to come before another of them: ",
          absl::StrJoin(waiting, ", ",
                        [&](std::string* out, size_t i) { absl::StrAppend(out, plugins[i].id); })));
    }
    order.push_back(*next);
    waiting.erase(*next);
  }
  return order;
}

// The place of each in an order.
std::vector<size_t> RanksIn(const std::vector<size_t>& order) {
  std::vector<size_t> rank(order.size());
  for (size_t place = 0; place < order.size(); ++place) rank[order[place]] = place;
  return rank;
}

std::vector<size_t> DeclaredRanks(const std::vector<OrderConstraints>& plugins) {
  std::vector<size_t> order(plugins.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) {
    return std::tie(plugins[i].phase, plugins[i].id) < std::tie(plugins[j].phase, plugins[j].id);
  });
  return RanksIn(order);
}

// The order with the places of those that have a wish given out anew among them.
std::vector<size_t> WithWishes(const std::vector<OrderConstraints>& plugins,
                               std::vector<size_t> order) {
  std::vector<size_t> places;
  std::vector<size_t> wishing;
  for (size_t place = 0; place < order.size(); ++place) {
    if (plugins[order[place]].wished_place == 0) continue;
    places.push_back(place);
    wishing.push_back(order[place]);
  }
  std::stable_sort(wishing.begin(), wishing.end(), [&](size_t i, size_t j) {
    return plugins[i].wished_place < plugins[j].wished_place;
  });
  for (size_t i = 0; i < places.size(); ++i) order[places[i]] = wishing[i];
  return order;
}

}  // namespace

OrderConstraints ConstraintsOf(const PluginDescription& plugin, int wished_place) {
  return {plugin.id,    plugin.phase,     plugin.before,
          plugin.after, plugin.conflicts, (plugin.flags & PATCHBAY_PLUGIN_REPEATABLE) != 0,
          wished_place};
}

absl::Status CheckPrecedence(const std::vector<OrderConstraints>& plugins) {
  PATCHBAY_RETURN_IF_ERROR(CheckNoneTwice(plugins));
  for (size_t i = 0; i < plugins.size(); ++i) {
    for (size_t earlier = 0; earlier < i; ++earlier) {
      if (MustPrecede(plugins[i], plugins[earlier])) {
        return absl::InvalidArgumentError(absl::StrCat(
            "plugin ", plugins[i].id, " must come before plugin ", plugins[earlier].id));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<size_t>> OrderChain(const std::vector<OrderConstraints>& plugins,
                                               bool is_explicit) {
  PATCHBAY_RETURN_IF_ERROR(CheckNoneTwice(plugins));
  PATCHBAY_RETURN_IF_ERROR(CheckConflicts(plugins));
  if (is_explicit) {
    PATCHBAY_RETURN_IF_ERROR(CheckPrecedence(plugins));
    std::vector<size_t> order(plugins.size());
    std::iota(order.begin(), order.end(), 0);
    return order;
  }
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<size_t> declared,
                            Ordered(plugins, DeclaredRanks(plugins)));
  return Ordered(plugins, RanksIn(WithWishes(plugins, declared)));
}

}  // namespace patchbay
