#include "host/validator/isolated_run.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr size_t kMaxShownBytes = 400;

// One direction, from the child to its parent.
struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) == 0) read = ends[0], write = ends[1];
  }
  ~Pipe() {
    Close(read);
    Close(write);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void Close(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }
};

void WriteAll(int file, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = write(file, text.data() + done, text.size() - done);
    if (written <= 0) return;
    done += static_cast<size_t>(written);
  }
}

Verdict RunBody(const std::function<Verdict(Place&)>& body, Place& place) {
  try {
    return body(place);
  } catch (const std::bad_alloc&) {
    return Fail(absl::StrCat("ran out of memory ", place.Get()));
  } catch (const std::exception& error) {
    return Fail(absl::StrCat("threw an exception ", place.Get(), ": ", error.what()));
  } catch (...) {
    return Fail(absl::StrCat("threw an exception ", place.Get(), " that is no std::exception"));
  }
}

[[noreturn]] void RunChild(const std::function<Verdict(Place&)>& body, Place& place,
                           [[maybe_unused]] const IsolationLimits& limits, int verdict_file,
                           int errors_file) {
  setpgid(0, 0);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The sanitizers' own tables would count.
  const rlimit memory{limits.bytes, limits.bytes};
  setrlimit(RLIMIT_DATA, &memory);
#endif
  // The host's own handlers would hide how the child ended.
  for (const int signal : {SIGBUS, SIGINT, SIGTERM, SIGXFSZ}) std::signal(signal, SIG_DFL);
  if (const int nothing = open("/dev/null", O_RDONLY); nothing >= 0) dup2(nothing, STDIN_FILENO);
  dup2(errors_file, STDOUT_FILENO);
  dup2(errors_file, STDERR_FILENO);
  const Verdict verdict = RunBody(body, place);
  // What ends the text shows that it is whole.
  WriteAll(verdict_file,
           absl::StrCat(static_cast<int>(verdict.kind), verdict.reason.substr(0, 8192), "\n."));
  // Not exit(): what the plugin's library does then is not the check's business.
  _exit(0);
}

struct Collected {
  std::string verdict;
  std::string errors;
  bool timed_out = false;
};

// Reads both pipes to their ends, or until the time is over. Gives false at the end of one.
bool ReadSome(int file, std::string& text) {
  std::array<char, 4096> block;
  const ssize_t count = read(file, block.data(), block.size());
  if (count <= 0) return count < 0 && errno == EINTR;
  if (text.size() < kMaxBytes) text.append(block.data(), static_cast<size_t>(count));
  return true;
}

Collected Collect(Pipe& verdict, Pipe& errors, std::chrono::milliseconds time) {
  Collected collected;
  const auto end = std::chrono::steady_clock::now() + time;
  // The verdict's pipe decides: a grandchild may keep the other one open.
  while (verdict.read >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    std::array<pollfd, 2> files = {{{verdict.read, POLLIN, 0}, {errors.read, POLLIN, 0}}};
    const int ready = left.count() > 0 ? poll(files.data(), 2, static_cast<int>(left.count())) : 0;
    if (ready == 0) {
      collected.timed_out = true;
      break;
    }
    if (ready < 0) continue;
    if (files[1].revents != 0 && !ReadSome(errors.read, collected.errors)) Pipe::Close(errors.read);
    if (files[0].revents != 0 && !ReadSome(verdict.read, collected.verdict)) {
      Pipe::Close(verdict.read);
    }
  }
  return collected;
}

Verdict Judge(const Collected& collected, int wait_status, const Place& place,
              const IsolationLimits& limits) {
  const std::string where = place.Get().empty() ? "" : absl::StrCat(" ", place.Get());
  if (collected.timed_out) {
    return Fail(absl::StrCat("did not end within ",
                             std::chrono::duration<double>(limits.time).count(), " s", where));
  }
  const std::string& text = collected.verdict;
  if (text.size() >= 3 && text.ends_with("\n.")) {
    return {static_cast<Verdict::Kind>(text[0] - '0'), text.substr(1, text.size() - 3)};
  }
  const std::string errors(absl::StripAsciiWhitespace(collected.errors.substr(0, kMaxShownBytes)));
  const std::string wrote = errors.empty() ? "" : absl::StrCat("; it wrote: ", errors);
  if (WIFSIGNALED(wait_status)) {
    return Fail(absl::StrCat("crashed (", strsignal(WTERMSIG(wait_status)), ")", where, wrote));
  }
  return Fail(
      absl::StrCat("ended the process with status ", WEXITSTATUS(wait_status), where, wrote));
}

}  // namespace

Verdict RunIsolated(const std::function<Verdict(Place&)>& body, const IsolationLimits& limits) {
  Place place;
  Pipe verdict;
  Pipe errors;
  if (verdict.read < 0 || errors.read < 0) return Fail("the system gives no pipe");
  const pid_t child = fork();
  if (child < 0) return Fail(absl::StrCat("cannot start a process: ", std::strerror(errno)));
  if (child == 0) RunChild(body, place, limits, verdict.write, errors.write);
  Pipe::Close(verdict.write);
  Pipe::Close(errors.write);
  const Collected collected = Collect(verdict, errors, limits.time);
  // The child leads a group; whatever it has left behind ends with it. One that has closed its
  // pipe is about to end by itself, and how it ends is of interest.
  if (collected.timed_out) kill(child, SIGKILL);
  int wait_status = 0;
  while (waitpid(child, &wait_status, 0) < 0 && errno == EINTR) {
  }
  kill(-child, SIGKILL);
  return Judge(collected, wait_status, place, limits);
}

}  // namespace patchbay
