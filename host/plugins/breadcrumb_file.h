#ifndef PATCHBAY_HOST_PLUGINS_BREADCRUMB_FILE_H_
#define PATCHBAY_HOST_PLUGINS_BREADCRUMB_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "host/plugins/hook_monitor.h"

namespace patchbay {

// Where the process before this one ended, if that was inside a plugin's code.
struct CrashSite {
  std::string plugin;
  std::string build;
  std::string hook;
  int32_t step = 0;
  // The signal that the plugin's own code raised: SIGSEGV, SIGABRT and their like. 0: the process
  // ended without one, as after SIGKILL; the plugin may be innocent.
  int signal = 0;
};

// Keeps breadcrumbs in a small memory-mapped file, which the kernel writes out whatever becomes of
// the process. The signals of a crash, a stack overflow among them, are noted in it on their way to
// the system, which ends the process as ever; sanitizer builds leave the signals to the sanitizer.
// One object a process at a time. Any thread.
class BreadcrumbFile final : public Breadcrumbs {
 public:
  // Reads what the former process left, then clears the file. Another process must not use it.
  static absl::StatusOr<std::unique_ptr<BreadcrumbFile>> Open(const std::string& path);
  ~BreadcrumbFile() override;

  // Where the former process ended.
  const std::optional<CrashSite>& former_crash() const { return former_crash_; }

  void Enter(const HookPosition& position) override;
  void Leave() override;

 private:
  struct Layout;
  struct Slot;
  explicit BreadcrumbFile(Layout* layout);
  static std::optional<CrashSite> ReadCrash(const Layout& layout);
  Slot* SlotOfThisThread();

  Layout* const layout_;  // the mapped file
  std::optional<CrashSite> former_crash_;
  absl::Mutex mutex_;
  int used_slots_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_BREADCRUMB_FILE_H_
