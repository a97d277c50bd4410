// Tells ThreadSanitizer what absl::Mutex and absl::CondVar order. Debian's abseil and gRPC are
// built without the sanitizer, so it sees none of their locks and takes every use of what they
// guard for a race. This library is preloaded: its definitions stand before abseil's, say what
// happens, and call them.

#include <dlfcn.h>

#include <cstdlib>

#include "absl/synchronization/mutex.h"

// Of the sanitizer's runtime, which the program under test brings.
extern "C" {
void __tsan_acquire(void* address) __attribute__((weak));
void __tsan_release(void* address) __attribute__((weak));
void AnnotateIgnoreReadsBegin(const char* file, int line) __attribute__((weak));
void AnnotateIgnoreReadsEnd(const char* file, int line) __attribute__((weak));
}

namespace {

// abseil's own function, by its mangled name.
template <typename Function>
Function* Original(const char* name) {
  void* const found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

// Programs that are started along with it have no sanitizer.
void Acquire(void* lock) {
  if (__tsan_acquire != nullptr) __tsan_acquire(lock);
}
void Release(void* lock) {
  if (__tsan_release != nullptr) __tsan_release(lock);
}

// abseil looks at the conditions that threads wait for while it lets go of a lock or waits for it,
// which is after Release(): those looks are ordered by the lock, and the sanitizer cannot see how.
class ConditionsLookedAt {
 public:
  ConditionsLookedAt() {
    if (AnnotateIgnoreReadsBegin != nullptr) AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  }
  ~ConditionsLookedAt() {
    if (AnnotateIgnoreReadsEnd != nullptr) AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  ConditionsLookedAt(const ConditionsLookedAt&) = delete;
  ConditionsLookedAt& operator=(const ConditionsLookedAt&) = delete;
};

}  // namespace

#define ORIGINAL(type, name) static auto* const original = Original<type>(name)

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  ORIGINAL(void(Mutex*), "_ZN4absl7debian35Mutex4LockEv");
  const ConditionsLookedAt ignored;
  original(this);
  Acquire(this);
}

void Mutex::Unlock() {
  ORIGINAL(void(Mutex*), "_ZN4absl7debian35Mutex6UnlockEv");
  Release(this);
  const ConditionsLookedAt ignored;
  original(this);
}

bool Mutex::TryLock() {
  ORIGINAL(bool(Mutex*), "_ZN4absl7debian35Mutex7TryLockEv");
  const ConditionsLookedAt ignored;
  const bool locked = original(this);
  if (locked) Acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  ORIGINAL(void(Mutex*), "_ZN4absl7debian35Mutex10ReaderLockEv");
  const ConditionsLookedAt ignored;
  original(this);
  Acquire(this);
}

void Mutex::ReaderUnlock() {
  ORIGINAL(void(Mutex*), "_ZN4absl7debian35Mutex12ReaderUnlockEv");
  Release(this);
  const ConditionsLookedAt ignored;
  original(this);
}

bool Mutex::ReaderTryLock() {
  ORIGINAL(bool(Mutex*), "_ZN4absl7debian35Mutex13ReaderTryLockEv");
  const ConditionsLookedAt ignored;
  const bool locked = original(this);
  if (locked) Acquire(this);
  return locked;
}

// Waiting lets go of the lock and takes it again.
void Mutex::Await(const Condition& condition) {
  ORIGINAL(void(Mutex*, const Condition&), "_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE");
  Release(this);
  const ConditionsLookedAt ignored;
  original(this, condition);
  Acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  ORIGINAL(bool(Mutex*, const Condition&, Duration),
           "_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  Release(this);
  const ConditionsLookedAt ignored;
  const bool holds = original(this, condition, timeout);
  Acquire(this);
  return holds;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  ORIGINAL(bool(Mutex*, const Condition&, Time),
           "_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  Release(this);
  const ConditionsLookedAt ignored;
  const bool holds = original(this, condition, deadline);
  Acquire(this);
  return holds;
}

void Mutex::LockWhen(const Condition& condition) {
  ORIGINAL(void(Mutex*, const Condition&), "_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE");
  const ConditionsLookedAt ignored;
  original(this, condition);
  Acquire(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  ORIGINAL(bool(Mutex*, const Condition&, Duration),
           "_ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  const ConditionsLookedAt ignored;
  const bool holds = original(this, condition, timeout);
  Acquire(this);
  return holds;
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  ORIGINAL(bool(Mutex*, const Condition&, Time),
           "_ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  const ConditionsLookedAt ignored;
  const bool holds = original(this, condition, deadline);
  Acquire(this);
  return holds;
}

void Mutex::ReaderLockWhen(const Condition& condition) {
  ORIGINAL(void(Mutex*, const Condition&),
           "_ZN4absl7debian35Mutex14ReaderLockWhenERKNS0_9ConditionE");
  const ConditionsLookedAt ignored;
  original(this, condition);
  Acquire(this);
}

void CondVar::Wait(Mutex* mutex) {
  ORIGINAL(void(CondVar*, Mutex*), "_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE");
  Release(mutex);
  const ConditionsLookedAt ignored;
  original(this, mutex);
  Acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  ORIGINAL(bool(CondVar*, Mutex*, Duration),
           "_ZN4absl7debian37CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  Release(mutex);
  const ConditionsLookedAt ignored;
  const bool ran_out = original(this, mutex, timeout);
  Acquire(mutex);
  return ran_out;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  ORIGINAL(bool(CondVar*, Mutex*, Time),
           "_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  Release(mutex);
  const ConditionsLookedAt ignored;
  const bool ran_out = original(this, mutex, deadline);
  Acquire(mutex);
  return ran_out;
}

ABSL_NAMESPACE_END
}  // namespace absl
