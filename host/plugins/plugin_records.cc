#include "host/plugins/plugin_records.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"

namespace patchbay {
namespace {

using Json = nlohmann::json;

Json ActivationJson(const std::optional<PluginRecords::Activation>& activation) {
  if (!activation.has_value()) return nullptr;
  return {{"build", activation->build}, {"settings", activation->settings}};
}

std::optional<PluginRecords::Activation> ParseActivation(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return PluginRecords::Activation{json.at("build").get<std::string>(),
                                   json.at("settings").get<SettingPairs>()};
}

PluginRecords Parse(const Json& json) {
  PluginRecords records;
  for (const auto& [id, plugin] : json.at("plugins").items()) {
    records.plugins[id] = {ParseActivation(plugin.at("active")),
                           ParseActivation(plugin.at("previous")),
                           plugin.at("chosen").get<std::string>()};
  }
  records.order = json.value("order", records.order);
  json.at("quarantine").get_to(records.quarantine);
  json.at("unexplained_ends").get_to(records.unexplained_ends);
  json.at("probes").get_to(records.probes);
  json.at("host_fingerprint").get_to(records.host_fingerprint);
  return records;
}

}  // namespace

absl::StatusOr<PluginRecords> ReadPluginRecords(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return PluginRecords();
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  try {
    return Parse(Json::parse(text));
  } catch (const Json::exception& failure) {
    return absl::DataLossError(absl::StrCat(path, " cannot be read: ", failure.what(),
                                            ". Remove it: which plugins are active is then "
                                            "forgotten, and nothing else."));
  }
}

absl::Status WritePluginRecords(const std::string& path, const PluginRecords& records) {
  Json json = {{"plugins", Json::object()},        {"order", records.order},
               {"quarantine", records.quarantine}, {"unexplained_ends", records.unexplained_ends},
               {"probes", records.probes},         {"host_fingerprint", records.host_fingerprint}};
  for (const auto& [id, plugin] : records.plugins) {
    json["plugins"][id] = {{"active", ActivationJson(plugin.active)},
                           {"previous", ActivationJson(plugin.previous)},
                           {"chosen", plugin.chosen}};
  }
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace);
  return WriteFileAtomically(path, {text});
}

}  // namespace patchbay
