#include "plugins/training/src/content_hash.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace training {

// Multiplication by an odd number carries differences upwards, the shift brings them down again
// (Steele et al., "Fast splittable pseudorandom number generators", 2014).
void ContentHash::AddWord(uint64_t word) {
  state_ = (state_ ^ word) * 0x9e3779b97f4a7c15u;
  state_ ^= state_ >> 32;
}

void ContentHash::Add(std::string_view bytes) {
  AddWord(bytes.size());
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), sizeof(uint64_t)))) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof(word)));
    AddWord(word);
  }
}

void ContentHash::Add(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.contiguous().cpu();
  Add(std::string_view(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()));
}

std::string ContentHash::Text() const {
  char text[17];
  std::snprintf(text, sizeof(text), "%016" PRIx64, state_);
  return text;
}

}  // namespace training
