#include "host/formats/video_process.h"

#include <fcntl.h>
#include <spawn.h>
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
#include "host/base/status_macros.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "patchbay-video";
constexpr timeval kPatience = {60, 0};
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

// What posix_spawn is told: descriptors, a process group of its own, so that Ctrl-C reaches it only
// through us, signals as they are by default.
class SpawnSettings {
 public:
  explicit SpawnSettings(const std::vector<int>& descriptors) {
    posix_spawn_file_actions_init(&actions_);
    for (size_t i = 0; i < descriptors.size(); ++i) {
      const int place = i == 0 ? kVideoSocket : kVideoFile + static_cast<int>(i) - 1;
      posix_spawn_file_actions_adddup2(&actions_, descriptors[i], place);
    }
    for (const int unused : {STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_addopen(&actions_, unused, "/dev/null", O_WRONLY, 0);
    }
    const int used = kVideoFile + static_cast<int>(descriptors.size()) - 1;
    posix_spawn_file_actions_addclosefrom_np(&actions_, used);
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
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

absl::StatusOr<pid_t> Spawn(std::vector<std::string> words, const std::vector<int>& descriptors) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  char* const environment[] = {nullptr};
  const SpawnSettings settings(descriptors);
  pid_t id = 0;
  const int error = posix_spawn(&id, words.front().c_str(), settings.actions(),
                                settings.attributes(), arguments.data(), environment);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot run ", words.front()));
  return id;
}

}  // namespace

absl::StatusOr<std::unique_ptr<VideoProcess>> VideoProcess::Start(
    std::vector<std::string> words, const std::vector<int>& descriptors) {
  PATCHBAY_ASSIGN_OR_RETURN(std::string program, Program());
  words.insert(words.begin(), std::move(program));
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a socket");
  }
  std::vector<int> given = {fcntl(sockets[1], F_DUPFD_CLOEXEC, kFirstFree)};
  close(sockets[1]);
  const auto close_given = absl::MakeCleanup([&given] {
    for (const int descriptor : given) close(descriptor);
  });
  for (const int descriptor : descriptors) {
    given.push_back(fcntl(descriptor, F_DUPFD_CLOEXEC, kFirstFree));
  }
  setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  setsockopt(sockets[0], SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const absl::StatusOr<pid_t> id = Spawn(std::move(words), given);
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
