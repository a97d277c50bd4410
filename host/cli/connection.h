#ifndef PATCHBAY_HOST_CLI_CONNECTION_H_
#define PATCHBAY_HOST_CLI_CONNECTION_H_

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/status/statusor.h"
#include "host/service/client.h"
#include "host/service/plugin_client.h"

namespace patchbay {

// Which server the command talks to, as it is typed; see AddConnectionOptions().
struct Connection {
  ClientOptions options;
  // Whether the user named a server; without, `generate` and `model inspect` work in this process.
  bool is_remote() const { return !options.address.empty(); }
  // Commands that only a server can do use the usual address when none is named.
  absl::StatusOr<std::unique_ptr<Client>> Open() const;
  absl::StatusOr<std::unique_ptr<PluginClient>> OpenPlugins() const;

 private:
  ClientOptions Completed() const;
};

// Adds --host, --tls-ca, --tls-cert, --tls-key and --token-file to the program; `connection` must
// outlive it.
void AddConnectionOptions(CLI::App& program, Connection& connection);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CONNECTION_H_
