#include "host/cli/remote_model_command.h"

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/base/status_macros.h"

namespace patchbay {
namespace {

constexpr double kMebibyte = 1 << 20;

struct ModelOptions {
  std::string name;
  bool json = false;
};

void PrintLine(const ModelEntry& model) {
  std::printf("%-40s %9.0f MiB%s%s\n", model.name.c_str(),
              static_cast<double>(model.size_bytes) / kMebibyte, model.loaded ? "  loaded" : "",
              model.is_default ? "  default" : "");
}

absl::Status List(const ModelOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<ModelEntry> models, client.ListModels());
  nlohmann::ordered_json list = nlohmann::json::array();
  for (const ModelEntry& model : models) {
    if (!options.json) PrintLine(model);
    list.push_back({{"name", model.name},
                    {"size_bytes", model.size_bytes},
                    {"loaded", model.loaded},
                    {"default", model.is_default}});
  }
  if (options.json) {
    std::printf("%s\n", list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  }
  return absl::OkStatus();
}

absl::Status Load(const ModelOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, client.LoadModel(options.name));
  PrintLine(model);
  return absl::OkStatus();
}

absl::Status Unload(const ModelOptions& options, Client& client) {
  PATCHBAY_ASSIGN_OR_RETURN(const ModelEntry model, client.UnloadModel(options.name));
  PrintLine(model);
  return absl::OkStatus();
}

}  // namespace

void AddRemoteModelCommands(CLI::App& model, CommandAction& action, const Connection& connection) {
  const auto options = std::make_shared<ModelOptions>();
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const ModelOptions&, Client&)) {
    CLI::App* command = model.add_subcommand(name, help);
    command->callback([&action, &connection, options, run] {
      action = [&connection, options, run]() -> absl::Status {
        PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, connection.Open());
        return run(*options, *client);
      };
    });
    return command;
  };
  add("list", "List the models of a server (--host)", List)
      ->add_flag("--json", options->json, "Print JSON");
  add("load", "Read a model into the server's memory", Load)
      ->add_option("NAME", options->name, "As `model list` names it")
      ->required();
  add("unload", "Release a model's memory on the server", Unload)
      ->add_option("NAME", options->name, "As `model list` names it")
      ->required();
}

ModelDescriber DescriberFor(const Connection& connection) {
  return [&connection](const std::string& name, bool json) -> absl::StatusOr<std::string> {
    if (!connection.is_remote()) return DescribeLocalModel(name, json);
    PATCHBAY_ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, connection.Open());
    PATCHBAY_ASSIGN_OR_RETURN(const ModelText text, client->InspectModel(name));
    return json ? text.json : text.description;
  };
}

}  // namespace patchbay
