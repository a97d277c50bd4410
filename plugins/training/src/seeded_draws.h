#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_SEEDED_DRAWS_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_SEEDED_DRAWS_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace training {

// What a training's step draws from: the same numbers whenever that step is made. Step -1: what
// training begins with.
at::Generator GeneratorFor(int64_t seed, int64_t step);

// A whole number from 0 to end - 1.
int64_t DrawBelow(int64_t end, const at::Generator& generator);

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_SEEDED_DRAWS_H_
