#include "host/base/start_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

class FileActions {
 public:
  explicit FileActions(absl::Span<const GivenDescriptor> given) {
    posix_spawn_file_actions_init(&actions_);
    int last = STDERR_FILENO;
    for (const GivenDescriptor& one : given) {
      posix_spawn_file_actions_adddup2(&actions_, one.descriptor, one.place);
      last = std::max(last, one.place);
    }
    for (int place = 0; place <= last; ++place) {
      if (std::any_of(given.begin(), given.end(),
                      [place](const GivenDescriptor& one) { return one.place == place; })) {
        continue;
      }
      if (place <= STDERR_FILENO) {
        posix_spawn_file_actions_addopen(&actions_, place, "/dev/null",
                                         place == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
      } else {
        posix_spawn_file_actions_addclose(&actions_, place);
      }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, last + 1);
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }

  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

// A process group of its own, and signals as they are by default.
class Attributes {
 public:
  Attributes() {
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

absl::StatusOr<pid_t> StartProcess(const std::vector<std::string>& arguments,
                                   const std::vector<std::string>& environment,
                                   absl::Span<const GivenDescriptor> given) {
  const FileActions actions(given);
  const Attributes attributes;
  pid_t id = 0;
  const int error = posix_spawn(&id, arguments.front().c_str(), actions.get(), attributes.get(),
                                Pointers(arguments).data(), Pointers(environment).data());
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", arguments.front()));
  return id;
}

}  // namespace patchbay
