#include "host/formats/video_process.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "host/base/start_process.h"
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "patchbay-video";
// Above the places that descriptors have in the program, so that none is overwritten on the way.
constexpr int kFirstFree = 16;

absl::StatusOr<std::string> Program() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {folder / kProgram, folder.parent_path() / "bin" / kProgram}) {
    if (fs::exists(place, error)) return place.string();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "videos and GIF files are read and written by the program ", kProgram,
      ", which is not there: this Patchbay was built without it (PATCHBAY_VIDEO); frames can be "
      "given as animated WebP files or as folders of pictures"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<VideoProcess>> VideoProcess::Start(
    std::vector<std::string> words, const std::vector<int>& descriptors, absl::Duration patience) {
  PATCHBAY_ASSIGN_OR_RETURN(std::string program, Program());
  words.insert(words.begin(), std::move(program));
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket");
  }
  std::vector<GivenDescriptor> given = {
      {fcntl(sockets[1], F_DUPFD_CLOEXEC, kFirstFree), kVideoSocket}};
  close(sockets[1]);
  const auto close_given = absl::MakeCleanup([&given] {
    for (const GivenDescriptor& one : given) close(one.descriptor);
  });
  for (const int descriptor : descriptors) {
    const int place = kVideoFile + static_cast<int>(given.size()) - 1;
    given.push_back({fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstFree), place});
  }
  const timeval longest = absl::ToTimeval(patience);
  setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest));
  setsockopt(sockets[0], SOL_SOCKET, SO_SNDTIMEO, &longest, sizeof(longest));
  const absl::StatusOr<pid_t> id = StartProcess(words, {}, given);
  if (id.ok()) return std::unique_ptr<VideoProcess>(new VideoProcess(*id, sockets[0]));
  close(sockets[0]);
  return id.status();
}

VideoProcess::~VideoProcess() {
  close(socket_);
  if (id_ <= 0) return;
  kill(id_, SIGKILL);
  while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

absl::Status VideoProcess::Explain(const absl::Status& status) {
  if (absl::IsDeadlineExceeded(status)) {
    return absl::DeadlineExceededError(
        "the program that reads and writes videos is at work for too long");
  }
  if (status.ok() || !absl::IsUnavailable(status) || id_ <= 0) return status;
  int wait_status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(id_, &wait_status, 0)) < 0 && errno == EINTR) {
  }
  id_ = 0;
  const std::string how = WIFSIGNALED(wait_status)
                              ? absl::StrCat(strsignal(WTERMSIG(wait_status)))
                              : absl::StrCat("status ", WEXITSTATUS(wait_status));
  return absl::InvalidArgumentError(
      absl::StrCat("the program that reads and writes videos ended unexpectedly (", how, ")"));
}

absl::Status VideoProcess::Send(VideoMessage kind, absl::Span<const std::byte> bytes) {
  const absl::Status status = SendMessage(socket_, kind, bytes);
  if (status.ok()) return status;
  // It may have said why before it went.
  while (true) {
    const absl::StatusOr<VideoMessageHeader> header = Receive();
    if (!header.ok()) return header.status();
    if (header->bytes > kMostVideoTextBytes) return status;
    PATCHBAY_RETURN_IF_ERROR(TakeText(header->bytes).status());
  }
}

absl::StatusOr<VideoMessageHeader> VideoProcess::Receive() {
  absl::StatusOr<VideoMessageHeader> header = ReceiveHeader(socket_);
  if (!header.ok()) return Explain(header.status());
  if (header->kind != VideoMessage::kError) return header;
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, TakeText(header->bytes));
  return absl::InvalidArgumentError(text);
}

absl::Status VideoProcess::Take(absl::Span<std::byte> bytes) {
  return Explain(ReceiveBytes(socket_, bytes));
}

absl::StatusOr<std::string> VideoProcess::TakeText(uint32_t bytes) {
  if (bytes > kMostVideoTextBytes) {
    return absl::InvalidArgumentError("the program that reads videos said too much");
  }
  std::string text(bytes, '\0');
  PATCHBAY_RETURN_IF_ERROR(Take({reinterpret_cast<std::byte*>(text.data()), text.size()}));
  return text;
}

}  // namespace patchbay
