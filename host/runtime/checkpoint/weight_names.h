#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_NAMES_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_NAMES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/runtime/checkpoint/weight_map.h"

namespace patchbay {

// Whether any name begins with `prefix`.
template <typename Value>
bool HasPrefix(const std::map<std::string, Value, std::less<>>& tensors, std::string_view prefix) {
  const auto first = tensors.lower_bound(prefix);
  return first != tensors.end() && first->first.starts_with(prefix);
}

// How many of path.0, path.1, ... have any tensor.
template <typename Value>
int64_t CountChildren(const std::map<std::string, Value, std::less<>>& tensors,
                      std::string_view path) {
  int64_t count = 0;
  while (HasPrefix(tensors, absl::StrCat(std::string(path), ".", count, "."))) ++count;
  return count;
}

// The size of one dimension of a stored tensor; 0 when there is no such tensor or dimension.
inline int64_t WeightSize(const WeightMap& weights, std::string_view name, int64_t dimension) {
  const auto found = weights.find(name);
  if (found == weights.end() || found->second.tensor.dim() <= dimension) return 0;
  return found->second.tensor.size(dimension);
}

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_NAMES_H_
