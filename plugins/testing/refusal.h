#ifndef PATCHBAY_PLUGINS_TESTING_REFUSAL_H_
#define PATCHBAY_PLUGINS_TESTING_REFUSAL_H_

#include <string>

#include "patchbay/error.h"

namespace patchbay {

// What a plugin's test compares: the message of the patchbay::Error that `work` throws, "" if it
// throws none. Other exceptions pass.
template <class Work>
std::string Refusal(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace patchbay

#endif  // PATCHBAY_PLUGINS_TESTING_REFUSAL_H_
