#ifndef PATCHBAY_BRIDGES_COMFYUI_MULTIPART_H_
#define PATCHBAY_BRIDGES_COMFYUI_MULTIPART_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace patchbay::comfyui {

// A field of a form.
struct FormPart {
  std::string name;
  std::string file_name;     // empty: a plain field
  std::string_view content;  // in the body
};

// Reads a multipart/form-data body (RFC 7578). INVALID_ARGUMENT when it is none.
absl::StatusOr<std::vector<FormPart>> ParseMultipart(std::string_view content_type,
                                                     std::string_view body);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_MULTIPART_H_
