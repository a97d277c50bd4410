#include "host/cli/connection.h"

#include "host/service/server.h"

namespace patchbay {

ClientOptions Connection::Completed() const {
  ClientOptions completed = options;
  if (completed.address.empty()) completed.address = ServerOptions().address;
  return completed;
}

absl::StatusOr<std::unique_ptr<Client>> Connection::Open() const {
  return Client::Make(Completed());
}

absl::StatusOr<std::unique_ptr<PluginClient>> Connection::OpenPlugins() const {
  return PluginClient::Make(Completed());
}

void AddConnectionOptions(CLI::App& program, Connection& connection) {
  ClientOptions& options = connection.options;
  program.add_option(
      "--host", options.address,
      "Server to use, address:port or unix:/path (for job, model and plugin commands "
      "default: the usual address on this machine)");
  program.add_option("--tls-ca", options.tls_authority_file,
                     "PEM file of the authority that signed the server's certificate");
  program.add_option("--tls-cert", options.tls_certificate_file,
                     "PEM file with this client's certificate");
  program.add_option("--tls-key", options.tls_key_file, "PEM file with this client's key");
  program.add_option("--token-file", options.token_file,
                     "File with the administrators' token in its first line");
}

}  // namespace patchbay
