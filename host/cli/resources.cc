#include "host/cli/resources.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// The folder of this executable.
fs::path ProgramFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

fs::path ShareFolder() { return ProgramFolder().parent_path() / "share" / "patchbay"; }

}  // namespace

absl::StatusOr<std::string> DefaultModelFolder() {
  const fs::path folder = ShareFolder() / "models" / "default";
  if (!fs::exists(folder / "model_index.json")) {
    return absl::NotFoundError(absl::StrCat("there is no model at ", folder.string(),
                                            "; name a diffusers folder or a safetensors file with "
                                            "--model"));
  }
  return folder.string();
}

absl::StatusOr<std::string> ModelPathOrDefault(const std::string& path) {
  return path.empty() ? DefaultModelFolder() : path;
}

std::string BuiltPluginsFolder() {
  return (ProgramFolder().parent_path() / "lib" / "patchbay" / "plugins").string();
}

std::string PluginTemplateFolder() { return (ShareFolder() / "template").string(); }

std::string PluginManifestProgram() {
  return (ProgramFolder() / "patchbay-plugin-manifest").string();
}

std::string BridgesProgram() { return (ProgramFolder() / "patchbay-bridges").string(); }

std::string VocabularyFile() {
  const fs::path file = ShareFolder() / "bpe_simple_vocab_16e6.txt.gz";
  return fs::exists(file) ? file.string() : std::string();
}

}  // namespace patchbay
