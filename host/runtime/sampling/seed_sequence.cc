#include "host/runtime/sampling/seed_sequence.h"

#include <algorithm>

namespace patchbay {
namespace {

// A multiplicative hash whose constant changes with every use.
class Hash {
 public:
  Hash(uint32_t constant, uint32_t multiplier) : constant_(constant), multiplier_(multiplier) {}

  uint32_t operator()(uint32_t value) {
    value ^= constant_;
    constant_ *= multiplier_;
    value *= constant_;
    return value ^ (value >> 16);
  }

 private:
  uint32_t constant_;
  uint32_t multiplier_;
};

uint32_t Mix(uint32_t x, uint32_t y) {
  const uint32_t mixed = 0xca01f9ddU * x - 0x4973f715U * y;
  return mixed ^ (mixed >> 16);
}

}  // namespace

std::vector<uint32_t> SeedSequenceState(uint64_t entropy, absl::Span<const uint32_t> spawn_key,
                                        size_t pool_size, size_t count) {
  std::vector<uint32_t> words = {static_cast<uint32_t>(entropy)};
  if (entropy >> 32 != 0) words.push_back(static_cast<uint32_t>(entropy >> 32));
  if (!spawn_key.empty()) {
    words.resize(std::max(words.size(), pool_size), 0);
    words.insert(words.end(), spawn_key.begin(), spawn_key.end());
  }

  Hash hash(0x43b0d7e5U, 0x931e8875U);
  std::vector<uint32_t> pool(pool_size);
  for (size_t i = 0; i < pool_size; ++i) pool[i] = hash(i < words.size() ? words[i] : 0);
  for (size_t from = 0; from < pool_size; ++from) {
    for (size_t to = 0; to < pool_size; ++to) {
      if (from != to) pool[to] = Mix(pool[to], hash(pool[from]));
    }
  }
  for (size_t from = pool_size; from < words.size(); ++from) {
    for (uint32_t& to : pool) to = Mix(to, hash(words[from]));
  }

  Hash output(0x8b51f9ddU, 0x58f38dedU);
  std::vector<uint32_t> state(count);
  for (size_t i = 0; i < count; ++i) state[i] = output(pool[i % pool_size]);
  return state;
}

}  // namespace patchbay
