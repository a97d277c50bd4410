#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_CONTENT_HASH_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_CONTENT_HASH_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace training {

// Tells contents apart that were mixed up, not ones that somebody made to look alike.
class ContentHash {
 public:
  void Add(std::string_view bytes);
  // Its numbers, in order; not its type or shape.
  void Add(const at::Tensor& tensor);
  // Sixteen hexadecimal digits.
  std::string Text() const;

 private:
  void AddWord(uint64_t word);

  uint64_t state_ = 0x243f6a8885a308d3u;  // not 0, which a word of 0 would leave as it is
};

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_CONTENT_HASH_H_
