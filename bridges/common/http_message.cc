#include "bridges/common/http_message.h"

#include <utf8proc.h>

#include <algorithm>

#include "absl/strings/ascii.h"

namespace patchbay {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUtf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    const utf8proc_ssize_t used = utf8proc_iterate(bytes, left, &code_point);
    if (used <= 0) return false;
    bytes += used;
    left -= used;
  }
  return true;
}

}  // namespace

std::string_view HttpRequest::Header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string HttpRequest::Query(const std::string& name, const std::string& otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? otherwise : found->second;
}

std::string PercentDecoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
        continue;
      }
    }
    decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
  }
  return decoded;
}

bool AddressIsUtf8(const HttpRequest& request) {
  return IsUtf8(PercentDecoded(request.path, false)) &&
         std::all_of(request.query.begin(), request.query.end(),
                     [](const auto& pair) { return IsUtf8(pair.first) && IsUtf8(pair.second); });
}

std::map<std::string, std::string> ParseQuery(std::string_view query) {
  std::map<std::string, std::string> pairs;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == query.npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string_view value =
        equals == pair.npos ? std::string_view() : pair.substr(equals + 1);
    pairs[PercentDecoded(pair.substr(0, equals), true)] = PercentDecoded(value, true);
  }
  return pairs;
}

std::string MediaTypeOf(std::string_view file_name) {
  static const auto& types =
      *new std::map<std::string, std::string>{{"html", "text/html; charset=utf-8"},
                                              {"js", "text/javascript; charset=utf-8"},
                                              {"mjs", "text/javascript; charset=utf-8"},
                                              {"css", "text/css; charset=utf-8"},
                                              {"json", "application/json"},
                                              {"map", "application/json"},
                                              {"svg", "image/svg+xml"},
                                              {"png", "image/png"},
                                              {"jpg", "image/jpeg"},
                                              {"jpeg", "image/jpeg"},
                                              {"webp", "image/webp"},
                                              {"gif", "image/gif"},
                                              {"ico", "image/x-icon"},
                                              {"woff", "font/woff"},
                                              {"woff2", "font/woff2"},
                                              {"ttf", "font/ttf"},
                                              {"wasm", "application/wasm"},
                                              {"txt", "text/plain; charset=utf-8"},
                                              {"md", "text/markdown; charset=utf-8"},
                                              {"webmanifest", "application/manifest+json"},
                                              {"mp3", "audio/mpeg"},
                                              {"mp4", "video/mp4"},
                                              {"webm", "video/webm"}};
  const size_t dot = file_name.rfind('.');
  if (dot == file_name.npos) return "application/octet-stream";
  const auto found = types.find(absl::AsciiStrToLower(std::string(file_name.substr(dot + 1))));
  return found == types.end() ? "application/octet-stream" : found->second;
}

}  // namespace patchbay
