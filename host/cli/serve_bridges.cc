#include "host/cli/serve_bridges.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "host/cli/resources.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

constexpr char kOff[] = "off";
constexpr int kMostRestarts = 5;
constexpr absl::Duration kRestartDelay = absl::Seconds(1);

std::vector<std::string> CommandOf(const BridgeOptions& options, const BridgedServer& server) {
  std::vector<std::string> command = {BridgesProgram(),
                                      "--grpc",
                                      server.address,
                                      "--webui",
                                      options.webui,
                                      "--comfyui",
                                      options.comfyui,
                                      "--end-with-parent",
                                      absl::StrCat(getpid()),
                                      "--data",
                                      absl::StrCat(server.data_folder, "/bridges")};
  const auto add = [&command](const char* name, const std::string& value) {
    if (!value.empty()) command.insert(command.end(), {name, value});
  };
  add("--comfyui-frontend", options.comfyui_frontend);
  add("--loras", server.lora_folder);
  add("--embeddings", options.embeddings);
  add("--wildcards", options.wildcards);
  add("--api-auth", absl::StrJoin(options.api_auth, ","));
  add("--cors-allow-origins", absl::StrJoin(options.cors_origins, ","));
  return command;
}

}  // namespace

void DeclareBridgeOptions(CLI::App& command, BridgeOptions& options) {
  command.add_option("--webui", options.webui, "Where A1111's API is served; \"off\": nowhere")
      ->capture_default_str();
  command
      .add_option("--comfyui", options.comfyui,
                  "Where ComfyUI's page and API are served; \"off\": nowhere")
      ->capture_default_str();
  command.add_option("--comfyui-frontend", options.comfyui_frontend,
                     "ComfyUI's page: the folder \"static\" of the Python package "
                     "comfyui-frontend-package (default: the one that ./dev setup installed)");
  command.add_option("--embeddings", options.embeddings,
                     "Folder of textual inversions that the bridges find by name");
  command.add_option("--wildcards", options.wildcards,
                     "Folder of wildcards (.txt) that A1111's API finds by name");
  command
      .add_option("--api-auth", options.api_auth,
                  "user:password that clients of A1111's API must give; may be repeated")
      ->delimiter(',');
  command
      .add_option("--cors-allow-origins", options.cors_origins,
                  "Origins whose web pages may call the bridges")
      ->delimiter(',');
}

BridgeProcess::BridgeProcess(const BridgeOptions& options, const BridgedServer& server) {
  if (options.webui == kOff && options.comfyui == kOff) return;
  if (server.has_tls) {
    std::fprintf(stderr,
                 "no bridges: with TLS, start them by hand: patchbay-bridges --grpc %s --tls-ca "
                 "FILE\n",
                 server.address.c_str());
    return;
  }
  command_ = CommandOf(options, server);
  std::error_code error;
  // Builds that ask for one target only have no bridges.
  if (!fs::exists(command_.front(), error)) {
    std::fprintf(stderr, "no bridges: there is no %s\n", command_.front().c_str());
    return;
  }
  Start();
}

BridgeProcess::~BridgeProcess() {
  if (process_ == 0) return;
  kill(process_, SIGTERM);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void BridgeProcess::Start() {
  restart_at_ = absl::InfiniteFuture();
  std::vector<char*> arguments;
  for (std::string& argument : command_) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const int error =
      posix_spawn(&process_, command_.front().c_str(), nullptr, nullptr, arguments.data(), environ);
  if (error == 0) return;
  process_ = 0;
  std::fprintf(stderr, "no bridges: %s: %s\n", command_.front().c_str(), std::strerror(error));
}

void BridgeProcess::Watch() {
  if (process_ == 0) {
    if (absl::Now() >= restart_at_) Start();
    return;
  }
  int status = 0;
  if (waitpid(process_, &status, WNOHANG) != process_) return;
  process_ = 0;
  if (!WIFSIGNALED(status) || ++restarts_ > kMostRestarts) {
    std::fprintf(stderr, "the bridges have ended; drawing over gRPC goes on\n");
    return;
  }
  std::fprintf(stderr, "the bridges crashed (signal %d); starting them again\n", WTERMSIG(status));
  restart_at_ = absl::Now() + kRestartDelay;
}

}  // namespace patchbay
