#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_CONFIG_READER_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_CONFIG_READER_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace patchbay {

// Reads the entries of one config.json and keeps account of which were asked for. The first
// complaint stays; callers read everything and ask Finish() at the end. `null` counts as absent.
class ConfigReader {
 public:
  // INVALID_ARGUMENT when `text` is not a JSON object. `file` is what messages call it.
  static absl::StatusOr<ConfigReader> Parse(std::string_view text, std::string_view file);

  bool Has(std::string_view name);
  bool Boolean(std::string_view name, bool otherwise);
  int64_t Integer(std::string_view name, int64_t otherwise);
  double Number(std::string_view name, double otherwise);
  std::string Text(std::string_view name, std::string_view otherwise);
  // A number alone counts as a list of one; empty when absent.
  std::vector<int64_t> Integers(std::string_view name);
  std::vector<double> Numbers(std::string_view name);

  // These entries change the mathematics, and this program has only the mathematics of the named
  // value (or of an absent entry).
  void RequireAbsent(std::string_view name);
  void RequireBoolean(std::string_view name, bool only);
  void RequireNumber(std::string_view name, double only);
  void RequireText(std::string_view name, absl::Span<const std::string_view> allowed);
  // Each element of the list.
  void RequireTexts(std::string_view name, absl::Span<const std::string_view> allowed);

  // Entries that mean nothing here: known to follow from the weights, or to be about training.
  void Ignore(absl::Span<const std::string_view> names);

  // Refuses the file for a reason of the caller's own: "unet/config.json: `name` REASON".
  void Refuse(std::string_view name, std::string_view reason);

  // The first complaint. Entries that nobody asked for and that are set to something are added to
  // `warnings`; names that begin with "_" never are.
  absl::Status Finish(std::vector<std::string>& warnings) const;

 private:
  ConfigReader(nlohmann::json values, std::string file);
  // Null when absent.
  const nlohmann::json* Find(std::string_view name);
  void RequireValue(std::string_view name, const nlohmann::json& value,
                    absl::Span<const std::string_view> allowed);

  nlohmann::json values_;
  std::string file_;
  std::set<std::string, std::less<>> known_;
  absl::Status status_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_CONFIG_READER_H_
