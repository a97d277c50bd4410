#include "host/engine/jobs/private_paths.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

// What ends a path within a sentence.
constexpr std::string_view kAfterPath = " \t\n\"'`,;:()<>[]";

// Replaces every path that begins with `folder` by its last name.
void Shorten(std::string& text, const std::string& folder) {
  size_t begin = 0;
  while ((begin = text.find(folder, begin)) != std::string::npos) {
    const size_t after = begin + folder.size();
    const bool is_whole = after == text.size() || text[after] == '/' ||
                          kAfterPath.find(text[after]) != std::string_view::npos;
    if (is_whole) {
      const size_t end = std::min(text.find_first_of(kAfterPath, after), text.size());
      const size_t slash = text.rfind('/', end - 1);
      text.erase(begin, slash + 1 - begin);
    }
    ++begin;
  }
}

}  // namespace

PrivatePaths::PrivatePaths(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    std::error_code error;
    std::string absolute = folder.empty() ? "" : fs::absolute(folder, error).string();
    while (!absolute.empty() && absolute.back() == '/') absolute.pop_back();
    if (!error && !absolute.empty()) folders_.push_back(std::move(absolute));
  }
  std::sort(folders_.begin(), folders_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string PrivatePaths::Hidden(std::string_view text) const {
  std::string hidden(text);
  for (const std::string& folder : folders_) Shorten(hidden, folder);
  return hidden;
}

absl::Status PrivatePaths::Hidden(const absl::Status& status) const {
  if (status.ok()) return status;
  absl::Status hidden(status.code(), Hidden(std::string(status.message())));
  status.ForEachPayload([&hidden](absl::string_view type, const absl::Cord& payload) {
    hidden.SetPayload(type, payload);
  });
  return hidden;
}

}  // namespace patchbay
