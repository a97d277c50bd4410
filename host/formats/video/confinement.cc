#include "host/formats/video/confinement.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace patchbay {
namespace {

// Decoding one 8-bit frame of 64 Mi pixels with its references, and the libraries' own mappings.
constexpr rlim_t kMostMemory = rlim_t{6} << 30;

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "say which system calls numbers are meant on this processor"
#endif

constexpr uint32_t kAllowed[] = {
    SYS_read,           SYS_write,           SYS_pread64,   SYS_pwrite64,  SYS_sendto,
    SYS_recvfrom,       SYS_lseek,           SYS_ftruncate, SYS_fsync,     SYS_mmap,
    SYS_munmap,         SYS_mremap,          SYS_mprotect,  SYS_madvise,   SYS_brk,
    SYS_futex,          SYS_sched_yield,     SYS_getpid,    SYS_gettid,    SYS_clock_gettime,
    SYS_gettimeofday,   SYS_clock_nanosleep, SYS_nanosleep, SYS_getrandom, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn,    SYS_tgkill,    SYS_close,     SYS_exit,
    SYS_exit_group,
};

absl::Status Limit(int resource, rlim_t most) {
  const rlimit limit = {most, most};
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError("this system sets no limits for a process");
}

std::vector<sock_filter> Filter() {
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const uint32_t number : kAllowed) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  return filter;
}

}  // namespace

absl::Status ConfineThisProcess() {
#if defined(PATCHBAY_UNCONFINED)
  return absl::OkStatus();
#endif
  for (const auto& [resource, most] :
       {std::pair<int, rlim_t>{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 0}, {RLIMIT_AS, kMostMemory}}) {
    if (absl::Status status = Limit(resource, most); !status.ok()) return status;
  }
  std::vector<sock_filter> filter = Filter();
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    return absl::FailedPreconditionError(
        "this system cannot confine the program that reads videos (no seccomp filters)");
  }
  return absl::OkStatus();
}

}  // namespace patchbay
