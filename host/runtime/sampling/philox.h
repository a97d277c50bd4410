#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_PHILOX_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_PHILOX_H_

#include <ATen/ATen.h>

#include <cstdint>

namespace patchbay {

// Normally distributed numbers as torch.randn gives them on an NVIDIA GPU, for tensors that one
// launch covers with one number a thread (up to a quarter million values): Philox4x32-10 (Salmon et
// al., SC 2011, section 4.3) and cuRAND's Box-Muller transform. AUTOMATIC1111's "NV" source.
class PhiloxGenerator {
 public:
  explicit PhiloxGenerator(uint64_t seed) : seed_(seed) {}

  // fp32, on the CPU. Each call continues where the last one ended.
  at::Tensor Draw(at::IntArrayRef shape);

 private:
  uint64_t seed_;
  uint32_t draws_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_PHILOX_H_
