#ifndef PATCHBAY_HOST_CLI_SERVE_BRIDGES_H_
#define PATCHBAY_HOST_CLI_SERVE_BRIDGES_H_

#include <sys/types.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace patchbay {

// Which bridges `serve` starts. Addresses: "127.0.0.1:7860", or "off".
struct BridgeOptions {
  std::string webui = "127.0.0.1:7860";
  std::string comfyui = "127.0.0.1:8188";
  std::string comfyui_frontend;  // empty: the page that was installed with the program
  std::string embeddings;
  std::string wildcards;
  std::vector<std::string> api_auth;
  std::vector<std::string> cors_origins;
};

// What the bridges must know about the server.
struct BridgedServer {
  std::string address;  // as clients name it
  bool has_tls = false;
  std::string data_folder;
  std::string lora_folder;
};

void DeclareBridgeOptions(CLI::App& command, BridgeOptions& options);

// The process of the bridges, patchbay-bridges, beside this program's executable. It prints where
// they listen. One that crashes is started again; one that refuses, because a port is taken, is
// not, and the server goes on without. One thread.
class BridgeProcess {
 public:
  // Starts it unless all bridges are off, or the server wants TLS, which the bridges of another
  // certificate's name could not speak: then says how to start them by hand.
  BridgeProcess(const BridgeOptions& options, const BridgedServer& server);
  // Ends it and waits for it.
  ~BridgeProcess();
  BridgeProcess(const BridgeProcess&) = delete;
  BridgeProcess& operator=(const BridgeProcess&) = delete;

  // Looks whether it has ended; to be called now and then.
  void Watch();

 private:
  void Start();

  std::vector<std::string> command_;
  pid_t process_ = 0;  // 0: there is none
  int restarts_ = 0;
  absl::Time restart_at_ = absl::InfiniteFuture();
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_SERVE_BRIDGES_H_
