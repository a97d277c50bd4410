#include "host/cli/option_values.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

bool IsDigits(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char digit) { return digit >= '0' && digit <= '9'; });
}

}  // namespace

absl::StatusOr<std::optional<uint64_t>> ParseSeed(const std::string& text) {
  if (text.starts_with('-') && IsDigits(text.substr(1))) return std::nullopt;
  uint64_t seed = 0;
  if (IsDigits(text) && absl::SimpleAtoi(text, &seed)) return seed;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\" is no seed; give a whole number up to 18446744073709551615, or a negative "
                   "one for a random seed"));
}

absl::StatusOr<PictureSize> ParseSize(const std::string& text) {
  PictureSize size;
  const size_t x = text.find_first_of("xX");
  if (x != std::string::npos && IsDigits(text.substr(0, x)) && IsDigits(text.substr(x + 1)) &&
      absl::SimpleAtoi(text.substr(0, x), &size.width) &&
      absl::SimpleAtoi(text.substr(x + 1), &size.height)) {
    return size;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a size; write width x height, such as 768x512"));
}

void RefuseEmptyValues(CLI::App& command, const std::set<std::string>& except) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() == 0 || except.count(option->get_name()) > 0) continue;
    option->check([](const std::string& text) {
      return text.empty() ? "the value is empty; give one, or leave the option out" : "";
    });
  }
}

}  // namespace patchbay
