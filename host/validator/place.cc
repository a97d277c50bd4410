#include "host/validator/place.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace patchbay {

Place::Place() {
  void* const memory =
      mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  text_ = memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

Place::~Place() {
  if (text_ != nullptr) munmap(text_, kBytes);
}

void Place::Set(std::string_view text) {
  if (text_ == nullptr) return;
  const size_t length = std::min(text.size(), kBytes - 1);
  std::memcpy(text_, text.data(), length);
  text_[length] = 0;
}

std::string Place::Get() const {
  return text_ == nullptr ? std::string() : std::string(text_, strnlen(text_, kBytes));
}

}  // namespace patchbay
