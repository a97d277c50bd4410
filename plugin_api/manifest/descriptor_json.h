#ifndef PATCHBAY_PLUGIN_API_MANIFEST_DESCRIPTOR_JSON_H_
#define PATCHBAY_PLUGIN_API_MANIFEST_DESCRIPTOR_JSON_H_

#include <nlohmann/json.hpp>

#include "patchbay/abi/plugin.h"

namespace patchbay {

// Throws std::runtime_error when the entry is not a Patchbay plugin's, or one of another ABI than
// this program's. Comes before everything else.
void CheckEntry(const patchbay_entry& entry);

// What a library's entry and descriptor say, in the manifest's form; only "library" and "sha256"
// are not in it. Throws std::runtime_error for what no manifest can hold: NULL where a string must
// be, numbers without a name, numbers that are not finite, texts that are not UTF-8.
nlohmann::ordered_json EntryToJson(const patchbay_entry& entry);

}  // namespace patchbay

#endif  // PATCHBAY_PLUGIN_API_MANIFEST_DESCRIPTOR_JSON_H_
