#include "bridges/comfyui/multipart.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

constexpr size_t kMaxParts = 64;

// The value of `name="..."` in a header line; empty when there is none.
std::string Attribute(std::string_view line, const std::string& name) {
  size_t place = line.find(absl::StrCat("; ", name, "=\""));
  if (place == line.npos) return "";
  place += name.size() + 4;
  const size_t end = line.find('"', place);
  return std::string(line.substr(place, end == line.npos ? 0 : end - place));
}

FormPart ReadHeader(std::string_view header, std::string_view content) {
  FormPart part;
  part.content = content;
  while (!header.empty()) {
    const size_t end = header.find("\r\n");
    const std::string_view line = header.substr(0, end);
    header = end == header.npos ? std::string_view() : header.substr(end + 2);
    if (!absl::AsciiStrToLower(std::string(line.substr(0, 20)))
             .starts_with("content-disposition:")) {
      continue;
    }
    part.name = Attribute(line, "name");
    part.file_name = Attribute(line, "filename");
  }
  return part;
}

}  // namespace

absl::StatusOr<std::vector<FormPart>> ParseMultipart(std::string_view content_type,
                                                     std::string_view body) {
  const size_t mark = content_type.find("boundary=");
  if (!content_type.starts_with("multipart/form-data") || mark == content_type.npos) {
    return absl::InvalidArgumentError("the body must be multipart/form-data");
  }
  std::string_view boundary = content_type.substr(mark + 9);
  boundary = boundary.substr(0, boundary.find(';'));
  if (boundary.size() > 1 && boundary.front() == '"')
    boundary = boundary.substr(1, boundary.size() - 2);
  const std::string delimiter = absl::StrCat("--", std::string(boundary));
  std::vector<FormPart> parts;
  size_t place = body.find(delimiter);
  while (place != body.npos) {
    const size_t begin = place + delimiter.size();
    if (body.substr(begin, 2) == "--") return parts;
    const size_t end = body.find(absl::StrCat("\r\n", delimiter), begin);
    const size_t header_end = body.find("\r\n\r\n", begin);
    if (end == body.npos || header_end == body.npos || header_end > end ||
        parts.size() >= kMaxParts) {
      break;
    }
    const std::string_view header = body.substr(begin, header_end - begin);
    parts.push_back(ReadHeader(header, body.substr(header_end + 4, end - header_end - 4)));
    place = end + 2;
  }
  return absl::InvalidArgumentError("the form ends too early");
}

}  // namespace patchbay::comfyui
