#include "host/validator/lent_tensor.h"

#include <vector>

namespace patchbay {
namespace {

constexpr int64_t kGuardElements = 256;
constexpr uint8_t kGuardByte = 0x5A;

// Bytes as bytes, so that NaN equals itself.
bool SameBytes(const at::Tensor& a, const at::Tensor& b) {
  // Not contiguous(): that leaves odd strides where a size is 1.
  const auto bytes = [](const at::Tensor& tensor) {
    return tensor.clone(at::MemoryFormat::Contiguous).view({-1}).view(at::kByte);
  };
  const at::Tensor x = bytes(a);
  const at::Tensor y = bytes(b);
  return x.sizes() == y.sizes() && at::equal(x, y);
}

// Strides for a buffer with a gap after each element.
std::vector<int64_t> SpreadStrides(const at::Tensor& tensor) {
  std::vector<int64_t> strides(static_cast<size_t>(tensor.dim()));
  int64_t stride = 2;
  for (size_t i = strides.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= tensor.size(static_cast<int64_t>(i));
  }
  return strides;
}

}  // namespace

LentTensor::LentTensor(const at::Tensor& original, Lending lending) {
  if (!original.defined()) return;
  copy_ = original.clone();
  if (lending == Lending::kAsItIs || original.dim() == 0) {
    lent_ = original;
    return;
  }
  const bool is_spread = lending == Lending::kStrided;
  const int64_t elements = original.numel() * (is_spread ? 2 : 1) + 2 * kGuardElements;
  const int64_t bytes = elements * static_cast<int64_t>(original.element_size());
  buffer_ = at::full({bytes}, kGuardByte, at::kByte);
  // Its own strides where they leave no holes, such as channels last.
  const bool keeps_strides = original.is_non_overlapping_and_dense() && !is_spread;
  const std::vector<int64_t> strides =
      is_spread
          ? SpreadStrides(original)
          : (keeps_strides ? original.strides().vec() : original.contiguous().strides().vec());
  lent_ =
      buffer_.view(original.scalar_type()).as_strided(original.sizes(), strides, kGuardElements);
  lent_.copy_(original);
  before_ = buffer_.clone();
}

bool LentTensor::IsUnchanged() const { return !lent_.defined() || SameBytes(lent_, copy_); }

bool LentTensor::IsSurroundingUnchanged() const {
  if (!buffer_.defined() || SameBytes(buffer_, before_)) return true;
  // Only the elements themselves may differ: put back what they were.
  at::Tensor restored = buffer_.clone();
  restored.view(copy_.scalar_type())
      .as_strided(lent_.sizes(), lent_.strides(), kGuardElements)
      .copy_(copy_);
  return SameBytes(restored, before_);
}

}  // namespace patchbay
