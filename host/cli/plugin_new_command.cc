#include "host/cli/plugin_new_command.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/resources.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

struct NewOptions {
  std::string name;
  std::string tier = "exact";
  std::string folder;
};

constexpr size_t kMaxNameBytes = 64;

bool IsPluginId(const std::string& name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  if (name.empty() || name.size() > kMaxNameBytes || !is_letter(name.front()) ||
      name.back() == '-' || name.find("--") != std::string::npos) {
    return false;
  }
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

// "my-idea" in the spellings that a project needs.
struct Names {
  std::string title;       // "My idea"
  std::string class_name;  // "MyIdea"
  std::string file;        // "my_idea"
};

Names NamesOf(const std::string& id) {
  Names names;
  bool starts_word = true;
  for (const char c : id) {
    if (c == '-') {
      names.title += ' ';
      names.file += '_';
      starts_word = true;
      continue;
    }
    const char capital = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    names.title += names.title.empty() ? capital : c;
    names.class_name += starts_word ? capital : c;
    names.file += c;
    starts_word = false;
  }
  return names;
}

absl::StatusOr<std::string> ReadTemplate(const std::string& name) {
  const fs::path path = fs::path(PluginTemplateFolder()) / name;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path.string(),
                                            ", which comes with the program; install it again"));
  }
  return std::move(text).str();
}

absl::Status Create(const NewOptions& options) {
  if (!IsPluginId(options.name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", options.name,
        "\" is no name for a plugin; use lower case letters, digits and single \"-\" between "
        "them, such as my-idea"));
  }
  const fs::path folder = options.folder.empty() ? options.name : options.folder;
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(folder.string(), " exists and is not empty; choose another folder with -o"));
  }
  const std::string tier = options.tier == "c" ? "plain" : options.tier;
  const Names names = NamesOf(options.name);
  const std::string source = names.file + (tier == "plain" ? ".c" : ".cc");
  const std::vector<std::pair<std::string, std::string>> replacements = {
      {"@PLUGIN_ID@", options.name},
      {"@PLUGIN_TITLE@", names.title},
      {"@PLUGIN_CLASS@", names.class_name},
      {"@PLUGIN_FILE@", names.file},
      {"@PLUGIN_SOURCE@", source},
      {"@PLUGIN_TIER@", tier},
      {"@TORCH_OPTION@", tier == "plain" ? "" : " -DTorch_DIR=LIBTORCH/share/cmake/Torch"}};
  const std::vector<std::pair<std::string, fs::path>> files = {
      {"CMakeLists.txt.in", "CMakeLists.txt"},
      {"README.md.in", "README.md"},
      {"gitignore.in", ".gitignore"},
      {tier == "plain" ? "plain.c.in" : tier + ".cc.in", fs::path("src") / source}};
  fs::create_directories(folder / "src", error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make ", (folder / "src").string(), ": ", error.message()));
  }
  for (const auto& [from, to] : files) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ReadTemplate(from));
    PATCHBAY_RETURN_IF_ERROR(
        WriteFileAtomically((folder / to).string(), {absl::StrReplaceAll(text, replacements)}));
  }
  std::printf("Wrote %s. Its README.md says how to build it; the plugin is %s.\n", folder.c_str(),
              (folder / "src" / source).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddPluginNewCommand(CLI::App& plugin, CommandAction& action) {
  const auto options = std::make_shared<NewOptions>();
  CLI::App* command = plugin.add_subcommand("new", "Write a new plugin's project");
  command->add_option("NAME", options->name, "Its id, such as my-idea")->required();
  command
      ->add_option("--tier", options->tier,
                   "exact: all of LibTorch, for this build of the program; stable: LibTorch's "
                   "stable part, for many builds; c: plain C, for all")
      ->check(CLI::IsMember({"exact", "stable", "c", "plain"}))
      ->capture_default_str();
  command->add_option("-o,--output", options->folder, "Where to; default: a folder of that name");
  command->callback([&action, options] { action = [options] { return Create(*options); }; });
}

}  // namespace patchbay
