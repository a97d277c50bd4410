#ifndef PATCHBAY_HOST_CLI_OPTION_VALUES_H_
#define PATCHBAY_HOST_CLI_OPTION_VALUES_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "host/engine/engine.h"

namespace patchbay {

// 0 to 2^64 - 1; nothing for a negative number, which asks for a random seed. INVALID_ARGUMENT for
// everything else.
absl::StatusOr<std::optional<uint64_t>> ParseSeed(const std::string& text);

// "768x512". INVALID_ARGUMENT when it is no size; which sizes can be drawn is for the model to say.
absl::StatusOr<PictureSize> ParseSize(const std::string& text);

// Makes a parse an option's check: wrong usage when it fails. `parse` returns a StatusOr.
template <typename Parse>
auto CheckedBy(Parse parse) {
  return [parse](const std::string& text) -> std::string {
    const auto value = parse(text);
    return value.ok() ? std::string() : std::string(value.status().message());
  };
}

// Makes an empty text wrong usage for every option of the command that takes a value, but those
// named: as a path or name it would silently mean that nothing was given.
void RefuseEmptyValues(CLI::App& command, const std::set<std::string>& except = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OPTION_VALUES_H_
