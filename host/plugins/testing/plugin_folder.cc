#include "host/plugins/testing/plugin_folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/base/sha256.h"

namespace patchbay {

namespace fs = std::filesystem;

std::string EmptyFolder(const std::string& name) {
  const std::string path =
      testing::TempDir() + "patchbay_plugins_" + std::to_string(getpid()) + "/" + name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteText(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string BuiltPlugin(const std::string& id) { return TEST_PLUGINS_FOLDER "/" + id; }

std::string BuiltLibrary(const std::string& id) { return BuiltPlugin(id) + "/" + id + ".so"; }

nlohmann::json ManifestFor(const std::string& id) {
  nlohmann::json manifest =
      nlohmann::json::parse(ReadText(BuiltPlugin("test-plain") + "/plugin.json"));
  manifest["id"] = id;
  manifest["library"] = id + ".so";
  const auto digest = Sha256OfFile(BuiltLibrary(id));
  EXPECT_TRUE(digest.ok()) << digest.status();
  manifest["sha256"] = digest.value_or("");
  if (id == "test-plain") return manifest;
  manifest["title"] = "Bad";
  manifest["summary"] = "";
  manifest["phase"] = "normal";
  manifest["required_hooks"] = nlohmann::json::array();
  manifest["fields"] = nlohmann::json::array();
  return manifest;
}

std::string MakePluginFolder(const std::string& folder, const std::string& id,
                             const nlohmann::json& manifest) {
  const std::string path = EmptyFolder(folder);
  fs::copy_file(BuiltLibrary(id), path + "/" + id + ".so");
  WriteText(path + "/plugin.json", manifest.dump(2));
  return path;
}

}  // namespace patchbay
