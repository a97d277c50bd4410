#ifndef PATCHBAY_SDK_ERROR_H_
#define PATCHBAY_SDK_ERROR_H_

#include <algorithm>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "patchbay/abi/status.h"

namespace patchbay {

// Thrown by a plugin to end what it was called for with a reason of its choosing, and by the SDK
// when the host refuses something. Any other exception counts as PATCHBAY_INTERNAL.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text, patchbay_status status = PATCHBAY_INVALID_ARGUMENT)
      : std::runtime_error(text), status_(status) {}
  patchbay_status status() const { return status_; }

 private:
  patchbay_status status_;
};

namespace sdk {

inline void write_error(patchbay_error* error, const char* text) noexcept {
  if (error != nullptr) std::snprintf(error->text, sizeof(error->text), "%s", text);
}

// LibTorch's exceptions tell where they were thrown; whoever sent the request is not to read that.
inline std::string without_stack_trace(std::string text) {
  for (const char* const begin : {"\nException raised from ", "\nframe #"}) {
    text.resize(std::min(text.size(), text.find(begin)));
  }
  return text;
}

// LibTorch has no type of its own for memory of the processor that there is not.
inline bool is_out_of_memory(const std::string& text) {
  return text.find("DefaultCPUAllocator: can't allocate memory") != std::string::npos ||
         text.find("DefaultCPUAllocator: not enough memory") != std::string::npos ||
         text.find("CUDA out of memory") != std::string::npos;
}

// Runs `body` so that no exception crosses the C boundary: its text goes into `error`.
template <class Body>
patchbay_status guard(patchbay_error* error, const Body& body) noexcept {
  try {
    body();
    return PATCHBAY_OK;
  } catch (const Error& e) {
    write_error(error, e.what());
    return e.status();
  } catch (const std::bad_alloc&) {
    write_error(error, "out of memory");
    return PATCHBAY_RESOURCE_EXHAUSTED;
  } catch (const std::exception& e) {
    const std::string text = without_stack_trace(e.what());
    write_error(error, text.c_str());
    return is_out_of_memory(text) ? PATCHBAY_RESOURCE_EXHAUSTED : PATCHBAY_INTERNAL;
  } catch (...) {
    write_error(error, "an exception that is no std::exception");
    return PATCHBAY_INTERNAL;
  }
}

// Where the host writes why it refused; check() throws it.
class HostCall {
 public:
  HostCall() { error_.struct_size = sizeof(error_); }
  patchbay_error* error() { return &error_; }
  void check(patchbay_status status) const {
    if (status == PATCHBAY_OK) return;
    throw Error(error_.text[0] != 0 ? error_.text : "the host refused", status);
  }

 private:
  patchbay_error error_{};
};

}  // namespace sdk
}  // namespace patchbay

#endif  // PATCHBAY_SDK_ERROR_H_
