#include "plugins/moma/src/description_cache.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "plugins/moma/src/embedding.h"
#include "plugins/safetensors/src/safetensors_bytes.h"

namespace moma {
namespace {

namespace fs = std::filesystem;

constexpr char kQuestion[] = "question";

// Empty: there is none.
fs::path Folder() {
  // A relative one is to be ignored, says the XDG Base Directory Specification.
  if (const char* const cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/') {
    return fs::path(cache) / "patchbay" / "moma";
  }
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home == '/') {
    return fs::path(home) / ".cache" / "patchbay" / "moma";
  }
  return {};
}

std::string FileNameOf(const std::string& question) {
  char name[40];
  std::snprintf(name, sizeof(name), "%016" PRIx64 ".safetensors",
                static_cast<uint64_t>(std::hash<std::string>()(question)));
  return name;
}

}  // namespace

DescriptionCache::DescriptionCache(std::string question) : question_(std::move(question)) {
  const fs::path folder = Folder();
  if (!folder.empty()) path_ = (folder / FileNameOf(question_)).string();
}

at::Tensor DescriptionCache::Find(int64_t width, const OpenFile& open) const {
  std::error_code failed;
  if (path_.empty() || !fs::is_regular_file(path_, failed)) return {};
  try {
    const patchbay::TensorFile file = open(patchbay::File{path_});
    // Two questions may have the same hash.
    if (file.metadata(kQuestion) != question_ || !file.contains(kEmbedding) ||
        file.shape(kEmbedding) != std::vector<int64_t>{width} || file.type(kEmbedding) != "F32") {
      return {};
    }
    return file.tensor(kEmbedding);
  } catch (const patchbay::Error&) {
    // A damaged file is as good as none; it is written anew.
    return {};
  }
}

bool DescriptionCache::Keep(const at::Tensor& answer) const {
  if (path_.empty()) return false;
  std::error_code failed;
  fs::create_directories(fs::path(path_).parent_path(), failed);
  // A name of its own: the same question may be answered twice at once.
  std::string written = path_ + ".XXXXXX";
  const int descriptor = mkstemp(written.data());
  if (descriptor < 0) return false;
  close(descriptor);
  std::ofstream stream(written, std::ios::binary);
  const std::string bytes =
      safetensors::SafetensorsBytes({{kEmbedding, answer}}, {{kQuestion, question_}});
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (stream.good()) fs::rename(written, path_, failed);
  if (!stream.good() || failed) {
    fs::remove(written, failed);
    return false;
  }
  return true;
}

}  // namespace moma
