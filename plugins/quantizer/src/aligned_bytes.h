#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_ALIGNED_BYTES_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_ALIGNED_BYTES_H_

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace quantizer {

// Uninitialised bytes that begin at a cache line.
template <class Byte>
class AlignedBytes {
  static_assert(sizeof(Byte) == 1);

 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t size)
      : size_(size),
        data_(static_cast<Byte*>(std::aligned_alloc(kLine, (size / kLine + 1) * kLine))) {
    if (data_ == nullptr) throw std::bad_alloc();
  }
  Byte* data() { return data_.get(); }
  const Byte* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kLine = 64;
  struct Free {
    void operator()(Byte* memory) const { std::free(memory); }
  };
  size_t size_ = 0;
  std::unique_ptr<Byte[], Free> data_;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_ALIGNED_BYTES_H_
