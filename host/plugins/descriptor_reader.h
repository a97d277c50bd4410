#ifndef PATCHBAY_HOST_PLUGINS_DESCRIPTOR_READER_H_
#define PATCHBAY_HOST_PLUGINS_DESCRIPTOR_READER_H_

#include "absl/status/statusor.h"
#include "host/plugins/plugin_description.h"

namespace patchbay {

// Copies what a loaded library says of itself into the host's memory. INVALID_ARGUMENT: NULL where
// a string or an array must be, structs smaller than this ABI's, texts or counts beyond any use.
absl::StatusOr<PluginDescription> ReadDescriptor(const patchbay_descriptor& descriptor);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_DESCRIPTOR_READER_H_
