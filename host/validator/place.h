#ifndef PATCHBAY_HOST_VALIDATOR_PLACE_H_
#define PATCHBAY_HOST_VALIDATOR_PLACE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace patchbay {

// What a check is doing, in memory that its child process shares with its parent: still there when
// the child has crashed or had to be killed. The last writer wins.
class Place {
 public:
  Place();
  ~Place();
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // "in patchbay.hook.guidance/1 at step 2"
  void Set(std::string_view text);
  std::string Get() const;

 private:
  static constexpr size_t kBytes = 4096;
  // Null where the system gave no memory: then nothing is kept.
  char* text_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_PLACE_H_
