#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SEED_SEQUENCE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SEED_SEQUENCE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace patchbay {

// The words that NumPy's SeedSequence(entropy, spawn_key=..., pool_size=...).generate_state(count)
// gives: independent seeds from one number (O'Neill's seed_seq_fe; NumPy NEP 19). spawn_key: each
// number below 2^32.
std::vector<uint32_t> SeedSequenceState(uint64_t entropy, absl::Span<const uint32_t> spawn_key,
                                        size_t pool_size, size_t count);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SEED_SEQUENCE_H_
