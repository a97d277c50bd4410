#include "host/base/spelling.h"

#include <algorithm>
#include <numeric>

namespace patchbay {
namespace {

size_t Distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string NearestSpelling(std::string_view word, const std::vector<std::string>& candidates) {
  std::string nearest;
  size_t fewest = 0;
  for (const std::string& candidate : candidates) {
    const size_t changes = Distance(word, candidate);
    if (changes * 3 > std::max(word.size(), candidate.size())) continue;
    if (nearest.empty() || changes < fewest) {
      nearest = candidate;
      fewest = changes;
    }
  }
  return nearest;
}

}  // namespace patchbay
