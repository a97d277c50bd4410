#include "host/plugins/breadcrumb_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

constexpr uint64_t kMagic = 0x3130626d75726362;  // "bcrumb01"
constexpr int kSlots = 64;
// Hooks within hooks; deeper ones are counted and not named.
constexpr uint32_t kMaxDepth = 8;
constexpr int kCrashSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCatchesSignals = false;
#else
constexpr bool kCatchesSignals = true;
#endif

int32_t ThisThread() { return static_cast<int32_t>(syscall(SYS_gettid)); }

template <size_t kSize>
void CopyText(const std::string& text, char (&place)[kSize]) {
  const size_t size = std::min(text.size(), kSize - 1);
  std::memcpy(place, text.data(), size);
  place[size] = 0;
}

template <size_t kSize>
std::string ReadText(const char (&place)[kSize]) {
  return std::string(place, strnlen(place, kSize));
}

struct Entry {
  char plugin[80];  // empty: the host's own code, called by a plugin
  char build[72];
  char hook[80];
  int32_t step;
};

// A signal handler can reach nothing but globals.
std::atomic<std::atomic<int32_t>*> signal_place{nullptr};
std::atomic<std::atomic<int32_t>*> thread_place{nullptr};

// Async-signal-safe. The action is reset by then: the signal ends the process when it comes again,
// which is at once.
void NoteSignal(int number) {
  const int error = errno;
  std::atomic<int32_t>* const place = signal_place.load();
  if (place != nullptr && place->load() == 0) {
    thread_place.load()->store(ThisThread());
    place->store(number);
  }
  errno = error;
}

// Room for NoteSignal on a thread whose own stack is used up; the thread's until it ends.
class SignalStack {
 public:
  SignalStack() {
    stack_t former{};
    // One that somebody else has given the thread serves as well.
    if (sigaltstack(nullptr, &former) != 0 || (former.ss_flags & SS_DISABLE) == 0) return;
    memory_ = std::make_unique<std::byte[]>(kBytes);
    stack_t mine{};
    mine.ss_sp = memory_.get();
    mine.ss_size = kBytes;
    sigaltstack(&mine, nullptr);
  }
  ~SignalStack() {
    if (memory_ == nullptr) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  // More than the registers of any processor, which the kernel puts there, and the handler's few
  // words.
  static constexpr size_t kBytes = size_t{64} << 10;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace

// One thread's way through plugins' code, the outermost hook first.
struct BreadcrumbFile::Slot {
  int32_t thread;
  std::atomic<uint32_t> depth;  // written after the entry that it counts
  Entry entries[kMaxDepth];
};

struct BreadcrumbFile::Layout {
  uint64_t magic;
  std::atomic<int32_t> signal;
  std::atomic<int32_t> crashed_thread;
  Slot slots[kSlots];
};

BreadcrumbFile::BreadcrumbFile(Layout* layout) : layout_(layout) {
  static_assert(std::atomic<int32_t>::is_always_lock_free);
  if (layout->magic == kMagic) former_crash_ = ReadCrash(*layout);
  std::memset(static_cast<void*>(layout), 0, sizeof(Layout));
  layout->magic = kMagic;
  if (!kCatchesSignals) return;
  thread_place = &layout->crashed_thread;
  signal_place = &layout->signal;
  struct sigaction action {};
  action.sa_handler = &NoteSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
  for (const int number : kCrashSignals) {
    struct sigaction former {};
    // What the program does with a signal of its own accord stays.
    const bool is_free = sigaction(number, nullptr, &former) == 0 &&
                         (former.sa_flags & SA_SIGINFO) == 0 && former.sa_handler == SIG_DFL;
    if (is_free) sigaction(number, &action, nullptr);
  }
}

BreadcrumbFile::~BreadcrumbFile() {
  if (kCatchesSignals) {
    signal_place = nullptr;
    for (const int number : kCrashSignals) {
      struct sigaction mine {};
      const bool is_mine = sigaction(number, nullptr, &mine) == 0 && mine.sa_handler == &NoteSignal;
      if (is_mine) signal(number, SIG_DFL);
    }
  }
  munmap(layout_, sizeof(Layout));
}

absl::StatusOr<std::unique_ptr<BreadcrumbFile>> BreadcrumbFile::Open(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  void* mapped = MAP_FAILED;
  if (ftruncate(descriptor, sizeof(Layout)) == 0) {
    mapped = mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  const int error = errno;
  close(descriptor);
  if (mapped == MAP_FAILED) return absl::ErrnoToStatus(error, absl::StrCat("cannot map ", path));
  return absl::WrapUnique(new BreadcrumbFile(static_cast<Layout*>(mapped)));
}

std::optional<CrashSite> BreadcrumbFile::ReadCrash(const Layout& layout) {
  const int signal = layout.signal.load();
  const Slot* crashed = nullptr;
  int occupied = 0;
  bool is_own = false;
  for (const Slot& slot : layout.slots) {
    if (slot.depth.load() == 0) continue;
    ++occupied;
    is_own = is_own || (signal != 0 && slot.thread == layout.crashed_thread.load());
    if (crashed == nullptr || slot.thread == layout.crashed_thread.load()) crashed = &slot;
  }
  // A thread that LibTorch lends for a part of a hook's work has no slot of its own; the blame is
  // then the one hook's that was under way.
  if (crashed == nullptr || (!is_own && occupied > 1)) return std::nullopt;
  const uint32_t depth = std::min(crashed->depth.load(), kMaxDepth);
  const Entry& entry = crashed->entries[depth - 1];
  CrashSite site{ReadText(entry.plugin), ReadText(entry.build), ReadText(entry.hook), entry.step,
                 signal};
  if (site.plugin.empty() || site.build.empty()) return std::nullopt;
  return site;
}

BreadcrumbFile::Slot* BreadcrumbFile::SlotOfThisThread() {
  const int32_t thread = ThisThread();
  const absl::MutexLock lock(&mutex_);
  Slot* free_slot = nullptr;
  for (int i = 0; i < used_slots_; ++i) {
    Slot& slot = layout_->slots[i];
    if (slot.thread == thread) return &slot;
    if (slot.depth.load() == 0) free_slot = &slot;
  }
  if (used_slots_ < kSlots) free_slot = &layout_->slots[used_slots_++];
  if (free_slot != nullptr) free_slot->thread = thread;
  return free_slot;
}

void BreadcrumbFile::Enter(const HookPosition& position) {
  if (kCatchesSignals) static thread_local const SignalStack stack;
  Slot* const slot = SlotOfThisThread();
  if (slot == nullptr) return;
  const uint32_t depth = slot->depth.load();
  if (depth < kMaxDepth) {
    Entry& entry = slot->entries[depth];
    CopyText(position.plugin, entry.plugin);
    CopyText(position.build, entry.build);
    CopyText(position.hook, entry.hook);
    entry.step = position.step;
  }
  slot->depth.store(depth + 1);
}

void BreadcrumbFile::Leave() {
  Slot* const slot = SlotOfThisThread();
  if (slot != nullptr && slot->depth.load() > 0) slot->depth.store(slot->depth.load() - 1);
}

}  // namespace patchbay
