#include "host/plugins/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "host/base/start_process.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() { is_open_ = pipe2(ends_, O_CLOEXEC) == 0; }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    CloseReading();
    CloseWriting();
  }

  bool is_open() const { return is_open_; }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void CloseReading() { Close(ends_[0]); }
  void CloseWriting() { Close(ends_[1]); }

 private:
  static void Close(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
  int ends_[2] = {-1, -1};
  bool is_open_ = false;
};

// A started child. Killed, with its group, and waited for unless it has ended.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    // Also what the child has left behind in its group.
    kill(-id_, SIGKILL);
    if (!has_ended_) Wait(0);
  }

  bool HasEnded() { return has_ended_ || Wait(WNOHANG); }
  int wait_status() const { return wait_status_; }

 private:
  bool Wait(int flags) {
    pid_t ended = 0;
    do {
      ended = waitpid(id_, &wait_status_, flags);
    } while (ended < 0 && errno == EINTR);
    has_ended_ = ended != 0;
    return has_ended_;
  }

  pid_t id_;
  int wait_status_ = 0;
  bool has_ended_ = false;
};

// Adds what can be read now. False at the end of the stream.
bool ReadSome(int descriptor, std::string& text, size_t max_bytes) {
  char block[16384];
  const ssize_t count = read(descriptor, block, sizeof(block));
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  // One byte beyond the limit tells that there was more.
  const size_t room = max_bytes + 1 - std::min(text.size(), max_bytes + 1);
  text.append(block, std::min(static_cast<size_t>(count), room));
  return count > 0;
}

absl::Status TooLate(const ChildLimits& limits) {
  return absl::DeadlineExceededError(absl::StrCat("not done after ", limits.time.count(), " ms"));
}

// Reads both streams to their ends.
absl::Status ReadAll(Pipe& output, Pipe& errors, const ChildLimits& limits,
                     Clock::time_point deadline, ChildResult& result) {
  while (output.reading() >= 0 || errors.reading() >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return TooLate(limits);
    // poll ignores descriptors below 0.
    pollfd polled[] = {{output.reading(), POLLIN, 0}, {errors.reading(), POLLIN, 0}};
    if (poll(polled, 2, static_cast<int>(std::min<int64_t>(left, 1000))) <= 0) continue;
    if (polled[0].revents != 0 && !ReadSome(output.reading(), result.output, limits.bytes)) {
      output.CloseReading();
    }
    if (polled[1].revents != 0 && !ReadSome(errors.reading(), result.errors, limits.bytes)) {
      errors.CloseReading();
    }
    if (result.output.size() > limits.bytes) {
      return absl::ResourceExhaustedError(absl::StrCat("wrote more than ", limits.bytes, " bytes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ChildResult> RunChild(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& environment,
                                     const ChildLimits& limits) {
  const Clock::time_point deadline = Clock::now() + limits.time;
  Pipe output;
  Pipe errors;
  if (!output.is_open() || !errors.is_open())
    return absl::ErrnoToStatus(errno, "cannot make a pipe");
  const GivenDescriptor given[] = {{output.writing(), STDOUT_FILENO},
                                   {errors.writing(), STDERR_FILENO}};
  PATCHBAY_ASSIGN_OR_RETURN(const pid_t id, StartProcess(arguments, environment, given));
  Child child(id);
  output.CloseWriting();
  errors.CloseWriting();
  ChildResult result;
  PATCHBAY_RETURN_IF_ERROR(ReadAll(output, errors, limits, deadline, result));
  while (!child.HasEnded()) {
    if (Clock::now() >= deadline) return TooLate(limits);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  result.wait_status = child.wait_status();
  return result;
}

}  // namespace patchbay
