#include "host/runtime/sampling/brownian_motion.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "host/runtime/sampling/seed_sequence.h"

namespace patchbay {
namespace {

constexpr size_t kPoolSize = 24;

// To six decimals, correctly as Python rounds: through the decimal form.
double Rounded(double time) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6f", time);
  return std::strtod(text.data(), nullptr);
}

}  // namespace

BrownianMotion::BrownianMotion(double start, double end, uint64_t seed, std::vector<int64_t> shape,
                               DrawWithSeed draw)
    : start_(Rounded(start)),
      end_(Rounded(end)),
      seed_(seed),
      shape_(std::move(shape)),
      draw_(std::move(draw)) {
  const uint32_t whole_seed = SeedSequenceState(seed_, {}, kPoolSize, 3)[0];
  whole_ = draw_(whole_seed, shape_) * std::sqrt(end - start);
}

at::Tensor BrownianMotion::Increment(double from, double to) const {
  from = std::clamp(Rounded(from), start_, end_);
  to = std::clamp(Rounded(to), start_, end_);
  if (from >= to) return at::zeros_like(whole_);
  return Within({start_, end_, 0, 0}, whole_, from, to);
}

at::Tensor BrownianMotion::Within(const Node& node, const at::Tensor& increment, double from,
                                  double to) const {
  if (from == node.start && to == node.end) return increment;
  const double middle = Rounded(0.5 * (node.end + node.start));
  // Levy's bridge: given the whole increment, the left part is normal around its share.
  const double left_length = middle - node.start;
  const double right_length = node.end - middle;
  const double whole_length = node.end - node.start;
  const std::array<uint32_t, 2> place = {static_cast<uint32_t>(node.index), node.depth};
  const uint32_t seed = SeedSequenceState(seed_, place, kPoolSize, 4)[0];
  const at::Tensor left =
      left_length * increment * (1 / whole_length) +
      std::sqrt(left_length * right_length / whole_length) * draw_(seed, shape_);

  const Node left_node{node.start, middle, 2 * node.index, node.depth + 1};
  const Node right_node{middle, node.end, 2 * node.index + 1, node.depth + 1};
  if (to <= middle) return Within(left_node, left, from, to);
  if (from >= middle) return Within(right_node, increment - left, from, to);
  return Within(left_node, left, from, middle) + Within(right_node, increment - left, middle, to);
}

}  // namespace patchbay
