#include "plugins/training/src/seeded_draws.h"

#include <ATen/CPUGeneratorImpl.h>

namespace training {

at::Generator GeneratorFor(int64_t seed, int64_t step) {
  // So that neighbours among these numbers have nothing in common (Steele et al., 2014).
  uint64_t mixed = static_cast<uint64_t>(seed) * 0x9e3779b97f4a7c15u + static_cast<uint64_t>(step);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return at::make_generator<at::CPUGeneratorImpl>(mixed ^ (mixed >> 31));
}

int64_t DrawBelow(int64_t end, const at::Generator& generator) {
  return at::randint(end, {1}, generator, at::TensorOptions().dtype(at::kLong)).item<int64_t>();
}

}  // namespace training
