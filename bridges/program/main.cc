// patchbay-bridges: serves UIs in their own protocols and asks a Patchbay server, over gRPC, to
// draw.

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bridges/comfyui/plugin_watch.h"
#include "bridges/comfyui/routes.h"
#include "bridges/common/file_folder.h"
#include "bridges/common/http_server.h"
#include "bridges/common/status_macros.h"
#include "bridges/webui/routes.h"

namespace patchbay {
namespace {

constexpr uint64_t kMaxTokenBytes = 4096;

struct Options {
  HostSessionOptions host;
  std::string token_file;
  std::string webui_address = "127.0.0.1:7860";
  std::string comfyui_address = "127.0.0.1:8188";
  std::string comfyui_frontend;
  std::string comfyui_token_file, comfyui_token;
  std::vector<std::string> api_auth;
  std::vector<std::string> cors_origins;
  webui::Folders folders;
  bool insecure = false;
  pid_t parent = 0;  // 0: whoever started this process does not matter
};

// Pictures go back to the system as soon as they are freed. By default glibc keeps blocks up to
// 32 MiB in its heaps once it has seen one of that size freed, where a later small block holds
// hundreds of megabytes of them. Does nothing on other C libraries.
void ReturnFreedPictures() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

// Whether only programs on this machine can call.
bool IsLocal(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("localhost:") ||
         address.starts_with("[::1]:");
}

// The page beside the program, as ./dev setup installs it; empty when it is not there.
std::string InstalledFrontend() {
  std::error_code error;
  const std::filesystem::path executable = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path page =
      executable.parent_path().parent_path() / "share" / "patchbay" / "comfyui-frontend";
  return std::filesystem::exists(page / "index.html", error) ? page.string() : "";
}

// Whether a bridge is wanted; "off" is the word for none.
bool IsOn(const std::string& address) { return address != "off"; }

void DeclareOptions(CLI::App& program, Options& options) {
  program.add_option("--grpc", options.host.address, "Where the Patchbay server is")->required();
  program.add_option("--tls-ca", options.host.tls_authority_file,
                     "PEM file of the authority that signed the server's certificate");
  program.add_option("--admin-token-file", options.token_file,
                     "File with the administrators' token in its first line");
  program
      .add_option("--webui", options.webui_address, "Where A1111's API is served; \"off\": nowhere")
      ->capture_default_str();
  program
      .add_option("--comfyui", options.comfyui_address,
                  "Where ComfyUI's page and API are served; \"off\": nowhere")
      ->capture_default_str();
  program.add_option("--comfyui-frontend", options.comfyui_frontend,
                     "The page: the folder \"static\" of the Python package "
                     "comfyui-frontend-package");
  program.add_option("--comfyui-token-file", options.comfyui_token_file,
                     "File with the bearer token that clients of ComfyUI's API must give");
  program
      .add_option("--api-auth", options.api_auth,
                  "user:password that clients of the A1111 API must give; may be repeated")
      ->delimiter(',');
  program
      .add_option("--cors-allow-origins", options.cors_origins,
                  "Origins whose web pages may call, such as http://127.0.0.1:5001; * for all")
      ->delimiter(',');
  program.add_option("--data", options.folders.data, "Folder for settings (default: not kept)");
  program.add_option("--loras", options.folders.loras,
                     "The server's folder of LoRAs, to list them");
  program.add_option("--embeddings", options.folders.embeddings,
                     "Folder of textual inversions (.safetensors)");
  program.add_option("--wildcards", options.folders.wildcards, "Folder of wildcards (.txt)");
  program.add_flag("--insecure", options.insecure,
                   "Listen without credentials at an address that other machines can reach");
  program.add_option("--end-with-parent", options.parent,
                     "Id of the process that starts this one: end when it ends");
}

// The first line of a file; empty when no file is named.
absl::StatusOr<std::string> ReadToken(const std::string& path) {
  if (path.empty()) return std::string();
  const absl::StatusOr<std::string> file = ReadWholeFile(path, kMaxTokenBytes);
  if (!file.ok()) {
    return absl::Status(file.status().code(), absl::StrCat(path, ": ", file.status().message()));
  }
  const std::string& text = *file;
  return text.substr(0, text.find_first_of("\r\n"));
}

// A bridge on the server's machine may do what administrators may, so nobody from outside gets in
// without credentials.
absl::Status CheckCredentials(const Options& options) {
  for (const std::string& pair : options.api_auth) {
    if (pair.find(':') == pair.npos) {
      return absl::InvalidArgumentError("--api-auth takes user:password");
    }
  }
  if (options.insecure) return absl::OkStatus();
  const auto refuse = [](const std::string& address, const char* option) {
    if (address.find(':') == address.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", address, "\" is no address; it should be such as 127.0.0.1:7860"));
    }
    return absl::InvalidArgumentError(
        absl::StrCat(address, " can be reached from other machines; protect it with ", option,
                     ", or say --insecure to let everybody in"));
  };
  const std::string &webui = options.webui_address, &comfyui = options.comfyui_address;
  if (IsOn(webui) && !IsLocal(webui) && options.api_auth.empty()) {
    return refuse(webui, "--api-auth");
  }
  if (IsOn(comfyui) && !IsLocal(comfyui) && options.comfyui_token_file.empty()) {
    return refuse(comfyui, "--comfyui-token-file");
  }
  return absl::OkStatus();
}

// Waits for SIGINT or SIGTERM, which must be blocked in all threads.
void WaitForSignal(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
}

absl::StatusOr<std::unique_ptr<HttpServer>> StartWebui(const Options& options,
                                                       webui::Context& context) {
  HttpRouter router;
  webui::AddGenerationRoutes(context, router);
  webui::AddInformationRoutes(context, router);
  webui::AddEmptyRoutes(context, router);
  webui::AddDescriptionRoutes(router);
  HttpServerOptions server;
  server.address = options.webui_address;
  server.access.basic_credentials = options.api_auth;
  server.access.cors_origins = options.cors_origins;
  return HttpServer::Start(server, std::move(router), nullptr);
}

absl::StatusOr<std::unique_ptr<HttpServer>> StartComfyUi(const Options& options,
                                                         comfyui::Context& context) {
  HttpRouter router;
  comfyui::AddPromptRoutes(context, router);
  comfyui::AddInformationRoutes(context, router);
  comfyui::AddPictureRoutes(context, router);
  comfyui::AddUserRoutes(context, router);
  comfyui::AddPageRoutes(context, router);
  HttpServerOptions server;
  server.address = options.comfyui_address;
  server.access.cors_origins = options.cors_origins;
  server.access.bearer_token = options.comfyui_token;
  return HttpServer::Start(server, std::move(router), &context.queue.hub());
}

// Uploads, pictures and workflows must lie somewhere even when nothing was said.
std::string ComfyUiFolder(const Options& options) {
  if (!options.folders.data.empty()) return absl::StrCat(options.folders.data, "/comfyui");
  return (std::filesystem::temp_directory_path() / absl::StrCat("patchbay-comfyui-", getpid()))
      .string();
}

// Says where a bridge listens. One whose port is taken, by the program that it stands in for, is
// left out, and the other one goes on.
absl::Status Listen(const char* name, absl::StatusOr<std::unique_ptr<HttpServer>> started,
                    std::unique_ptr<HttpServer>& server) {
  if (started.ok()) {
    server = *std::move(started);
    std::printf("%s at http://%s\n", name, server->address().c_str());
    return absl::OkStatus();
  }
  if (started.status().code() != absl::StatusCode::kUnavailable) return started.status();
  std::fprintf(stderr, "no %s: %s\n", name, std::string(started.status().message()).c_str());
  return absl::OkStatus();
}

absl::Status Serve(const Options& options, HostSession& host, const sigset_t& signals) {
  webui::Context webui(host, options.folders);
  std::unique_ptr<HttpServer> webui_server, comfyui_server;
  if (IsOn(options.webui_address)) {
    BRIDGE_RETURN_IF_ERROR(Listen("A1111 API", StartWebui(options, webui), webui_server));
  }
  std::unique_ptr<comfyui::Context> comfyui;
  std::unique_ptr<comfyui::PluginWatch> plugin_watch;
  if (IsOn(options.comfyui_address)) {
    const std::string data = ComfyUiFolder(options);
    BRIDGE_ASSIGN_OR_RETURN(auto pictures, comfyui::PictureFolders::Make(data));
    comfyui = std::make_unique<comfyui::Context>(
        host,
        comfyui::Folders{
            data, options.folders.loras, options.folders.embeddings,
            options.comfyui_frontend.empty() ? InstalledFrontend() : options.comfyui_frontend},
        std::move(pictures));
    BRIDGE_RETURN_IF_ERROR(Listen("ComfyUI", StartComfyUi(options, *comfyui), comfyui_server));
    plugin_watch = std::make_unique<comfyui::PluginWatch>(host, comfyui->queue.hub());
  }
  if (webui_server == nullptr && comfyui_server == nullptr) {
    return absl::UnavailableError("no bridge is left to serve");
  }
  std::fflush(stdout);
  WaitForSignal(signals);
  // Requests under way would otherwise be waited for.
  host.ShutDown();
  plugin_watch.reset();
  // The servers hold handlers that use the contexts.
  comfyui_server.reset();
  webui_server.reset();
  return absl::OkStatus();
}

absl::Status Run(Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  if (options.parent != 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    // It may have ended while this program was being loaded.
    if (getppid() != options.parent) return absl::OkStatus();
  }

  BRIDGE_ASSIGN_OR_RETURN(options.host.administrator_token, ReadToken(options.token_file));
  BRIDGE_ASSIGN_OR_RETURN(options.comfyui_token, ReadToken(options.comfyui_token_file));
  BRIDGE_RETURN_IF_ERROR(CheckCredentials(options));
  std::error_code ignored;
  if (!options.folders.data.empty()) {
    std::filesystem::create_directories(options.folders.data, ignored);
  }
  BRIDGE_ASSIGN_OR_RETURN(const auto host, HostSession::Make(options.host));
  return Serve(options, *host, signals);
}

int Main(int argc, char** argv) {
  ReturnFreedPictures();
  CLI::App program("Serves UIs in their own protocols; a Patchbay server draws for them.",
                   "patchbay-bridges");
  program.set_version_flag("--version", PATCHBAY_VERSION);
  Options options;
  DeclareOptions(program, options);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) { return patchbay::Main(argc, argv); }
