#ifndef PATCHBAY_BRIDGES_WEBUI_OPTION_STORE_H_
#define PATCHBAY_BRIDGES_WEBUI_OPTION_STORE_H_

#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "bridges/common/json.h"

namespace patchbay::webui {

// A1111's settings, those that mean something here and those that clients look for. Any thread.
class OptionStore {
 public:
  // Settings are kept in `file` and read from it; empty: in memory only. A file that cannot be read
  // counts as absent.
  explicit OptionStore(std::string file);

  // All settings.
  Json All() const;
  // Changes the settings that exist and returns the names of the others, which are ignored: clients
  // send names of older and newer versions. Whole floats become integers where the setting is one.
  // INVALID_ARGUMENT for a value of another type; nothing is changed then.
  absl::Status Set(const Json& changes, std::vector<std::string>& unknown);

  // `all` with `overrides` for one request; otherwise as Set.
  static absl::Status Apply(const Json& overrides, Json& all, std::vector<std::string>& unknown);

 private:
  void Save() const;

  const std::string file_;
  mutable std::mutex mutex_;
  Json options_;
};

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_OPTION_STORE_H_
