#include "plugins/llava/src/bpe_merging.h"

#include <cstddef>
#include <functional>
#include <queue>
#include <tuple>

namespace llava {
namespace {

constexpr int64_t kNone = -1;

// A token with its neighbours' places.
struct Link {
  int64_t token = kNone;  // kNone: it has become a part of the one before
  int64_t before = kNone;
  int64_t after = kNone;
};

// Neighbours that can be joined: the first of them is at `place`.
struct Candidate {
  int64_t rank = 0;
  int64_t place = 0;
  int64_t joined = 0;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, place) > std::tie(other.rank, other.place);
  }
};

class Chain {
 public:
  Chain(const std::vector<int64_t>& tokens, const Merges& merges) : merges_(merges) {
    const auto count = static_cast<int64_t>(tokens.size());
    for (int64_t i = 0; i < count; ++i) {
      links_.push_back({tokens[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : kNone});
    }
    for (int64_t i = 0; i + 1 < count; ++i) Propose(i);
  }

  std::vector<int64_t> Join() {
    while (!candidates_.empty()) {
      const Candidate best = candidates_.top();
      candidates_.pop();
      const Merge* const merge = At(best.place);
      // The tokens may be others by now.
      if (merge != nullptr && merge->token == best.joined) JoinAt(best.place, merge->token);
    }
    std::vector<int64_t> tokens;
    for (const Link& link : links_) {
      if (link.token != kNone) tokens.push_back(link.token);
    }
    return tokens;
  }

 private:
  Link& Of(int64_t place) { return links_[static_cast<size_t>(place)]; }

  const Merge* At(int64_t place) {
    const Link& link = Of(place);
    if (link.token == kNone || link.after == kNone) return nullptr;
    const auto found = merges_.find({link.token, Of(link.after).token});
    return found == merges_.end() ? nullptr : &found->second;
  }

  void Propose(int64_t place) {
    if (const Merge* const merge = At(place)) candidates_.push({merge->rank, place, merge->token});
  }

  void JoinAt(int64_t place, int64_t token) {
    Link& link = Of(place);
    Link& next = Of(link.after);
    link.token = token;
    link.after = next.after;
    next.token = kNone;
    if (link.after != kNone) Of(link.after).before = place;
    if (link.before != kNone) Propose(link.before);
    Propose(place);
  }

  const Merges& merges_;
  std::vector<Link> links_;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates_;
};

}  // namespace

std::vector<int64_t> Merged(const std::vector<int64_t>& tokens, const Merges& merges) {
  return Chain(tokens, merges).Join();
}

}  // namespace llava
