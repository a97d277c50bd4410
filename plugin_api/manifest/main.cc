// patchbay-plugin-manifest LIBRARY OUTPUT [ID]
//
// Loads a plugin's library and writes what it says of itself as a manifest: into the file OUTPUT,
// or to standard output when OUTPUT is "-". With ID, the plugin must have that id. Exit status 0:
// written; 1: refused, with the reason on standard error; 2: wrong usage. A library may crash this
// program; that is what it is a program of its own for.

#include <dlfcn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "plugin_api/manifest/descriptor_json.h"
#include "plugin_api/manifest/sha256_file.h"

namespace patchbay {
namespace {

const patchbay_entry& LoadEntry(const std::string& library) {
  // Never closed: the descriptor lives in it.
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  const void* const symbol = dlsym(handle, PATCHBAY_ENTRY_SYMBOL);
  if (symbol == nullptr) {
    throw std::runtime_error("this is no Patchbay plugin: it exports no " PATCHBAY_ENTRY_SYMBOL);
  }
  return *static_cast<const patchbay_entry*>(symbol);
}

std::string MakeManifest(const std::string& library, const std::string& id) {
  const std::string absolute = std::filesystem::absolute(library).string();
  const std::string digest = Sha256OfFile(absolute);
  const patchbay_entry& entry = LoadEntry(absolute);
  CheckEntry(entry);
  nlohmann::ordered_json manifest = EntryToJson(entry);
  if (!id.empty() && manifest["id"] != id) {
    throw std::runtime_error("the plugin calls itself \"" + manifest["id"].get<std::string>() +
                             "\", but the build calls it \"" + id + "\"; make them the same");
  }
  manifest["library"] = std::filesystem::path(absolute).filename().string();
  manifest["sha256"] = digest;
  return manifest.dump(2) + "\n";
}

void WriteAll(FILE* file, const std::string& text, const std::string& name) {
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) throw std::runtime_error("cannot write " + name);
}

// Whole or not at all, so that no half a manifest stands beside a library.
void WriteFile(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".new";
  FILE* const file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error("cannot write " + temporary);
  WriteAll(file, text, temporary);
  std::filesystem::rename(temporary, path);
}

int Run(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fputs("usage: patchbay-plugin-manifest LIBRARY OUTPUT [ID]\n", stderr);
    return 2;
  }
  // A crash is an answer, not something to keep a memory image of.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  // A library that never returns from being loaded must not outlive whoever wanted to know.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // What the library prints must not end up within the manifest.
  const int output = dup(STDOUT_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  try {
    const std::string manifest = MakeManifest(argv[1], argc == 4 ? argv[3] : "");
    const std::string path = argv[2];
    if (path != "-") {
      WriteFile(path, manifest);
    } else {
      FILE* const file = fdopen(output, "wb");
      if (file == nullptr) throw std::runtime_error("cannot write to standard output");
      WriteAll(file, manifest, "standard output");
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[1], error.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) {
  // _exit: what the library would do at the end of the process is not of interest.
  _exit(patchbay::Run(argc, argv));
}
