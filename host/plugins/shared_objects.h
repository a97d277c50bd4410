#ifndef PATCHBAY_HOST_PLUGINS_SHARED_OBJECTS_H_
#define PATCHBAY_HOST_PLUGINS_SHARED_OBJECTS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace patchbay {

// Things that are expensive to make and the same for several chains: packed weights, reference
// features. Each lives as long as someone holds it. Any thread.
class SharedObjects {
 public:
  // What is kept under `name`, else what `make` gives (which may be null: then nothing is kept).
  // `make` runs under a lock: a second asker waits for the first.
  std::shared_ptr<void> Get(const std::string& name,
                            const std::function<std::shared_ptr<void>()>& make) {
    const absl::MutexLock lock(&mutex_);
    if (std::shared_ptr<void> kept = objects_[name].lock()) return kept;
    std::shared_ptr<void> made = make();
    std::erase_if(objects_, [](const auto& entry) { return entry.second.expired(); });
    if (made != nullptr) objects_[name] = made;
    return made;
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, std::weak_ptr<void>> objects_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_SHARED_OBJECTS_H_
