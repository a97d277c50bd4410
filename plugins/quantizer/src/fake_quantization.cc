#include "fake_quantization.h"

namespace quantizer {
namespace {

void CheckBits(int bits) {
  TORCH_CHECK(bits >= 2 && bits <= 16, "numbers are quantised to 2 to 16 bits, not ", bits);
}

}  // namespace

QuantizedNumbers QuantizeSymmetric(const at::Tensor& weight, int bits) {
  CheckBits(bits);
  const at::Tensor full = weight.to(at::kFloat);
  const double most = static_cast<double>((1 << (bits - 1)) - 1);
  std::vector<int64_t> broadcast(static_cast<size_t>(weight.dim()), 1);
  broadcast[0] = weight.size(0);
  const at::Tensor largest = full.abs().flatten(1).amax(1).view(broadcast);
  const at::Tensor step = at::where(largest > 0, largest / most, at::ones_like(largest));
  return {(full / step).round().clamp(-most - 1, most), step, at::zeros_like(step)};
}

QuantizedNumbers QuantizeAsymmetric(const at::Tensor& x, int bits) {
  CheckBits(bits);
  const at::Tensor full = x.to(at::kFloat);
  const double most = static_cast<double>((1 << bits) - 1);
  const at::Tensor low = full.min().clamp_max(0);
  const at::Tensor high = full.max().clamp_min(0);
  const at::Tensor step = at::where(high > low, (high - low) / most, at::ones_like(low));
  const at::Tensor zero = (-low / step).round();
  return {((full / step).round() + zero).clamp(0, most), step, zero};
}

}  // namespace quantizer
