#ifndef PATCHBAY_HOST_VALIDATOR_REFUSING_ATTACH_H_
#define PATCHBAY_HOST_VALIDATOR_REFUSING_ATTACH_H_

#include <cstdint>

#include "patchbay/abi/attach.h"

namespace patchbay {

// Hands a plugin's attach function on to the host's, and refuses from a certain question on.
class RefusingAttach {
 public:
  // The `allowed` first questions that can fail are answered. `real` must outlive the object.
  RefusingAttach(patchbay_attach& real, int64_t allowed);

  patchbay_attach& attach() { return attach_; }
  int64_t refused() const { return refused_; }

 private:
  struct Functions;

  patchbay_attach& real_;
  patchbay_attach attach_;
  int64_t allowed_;
  int64_t refused_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_REFUSING_ATTACH_H_
