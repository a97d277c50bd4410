#include "host/plugins/chain_order.h"

#include <algorithm>
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

absl::Status CheckPairs(const std::vector<OrderConstraints>& plugins) {
  for (size_t i = 0; i < plugins.size(); ++i) {
    for (size_t j = i + 1; j < plugins.size(); ++j) {
      const OrderConstraints& a = plugins[i];
      const OrderConstraints& b = plugins[j];
      if (a.id == b.id) {
        return absl::InvalidArgumentError(absl::StrCat("plugin ", a.id, " is asked for twice"));
      }
      if (Names(a.conflicts, b.id) || Names(b.conflicts, a.id)) {
        return absl::InvalidArgumentError(
            absl::StrCat("plugins ", a.id, " and ", b.id, " cannot be used together"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<size_t>> CheckedExplicitOrder(
    const std::vector<OrderConstraints>& plugins) {
  std::vector<size_t> order;
  for (size_t i = 0; i < plugins.size(); ++i) {
    for (const size_t earlier : order) {
      if (MustPrecede(plugins[i], plugins[earlier])) {
        return absl::InvalidArgumentError(absl::StrCat(
            "plugin ", plugins[i].id, " must come before plugin ", plugins[earlier].id));
      }
    }
    order.push_back(i);
  }
  return order;
}

}  // namespace

absl::StatusOr<std::vector<size_t>> OrderChain(const std::vector<OrderConstraints>& plugins,
                                               bool is_explicit) {
  PATCHBAY_RETURN_IF_ERROR(CheckPairs(plugins));
  if (is_explicit) return CheckedExplicitOrder(plugins);
  std::set<size_t> waiting;
  for (size_t i = 0; i < plugins.size(); ++i) waiting.insert(i);
  std::vector<size_t> order;
  while (!waiting.empty()) {
    const auto is_ready = [&](size_t candidate) {
      return std::none_of(waiting.begin(), waiting.end(), [&](size_t other) {
        return other != candidate && MustPrecede(plugins[other], plugins[candidate]);
      });
    };
    const auto rank = [&](size_t i) { return std::tie(plugins[i].phase, plugins[i].id); };
    std::optional<size_t> next;
    for (const size_t candidate : waiting) {
      if (is_ready(candidate) && (!next || rank(candidate) < rank(*next))) next = candidate;
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

}  // namespace patchbay
