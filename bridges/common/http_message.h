#ifndef PATCHBAY_BRIDGES_COMMON_HTTP_MESSAGE_H_
#define PATCHBAY_BRIDGES_COMMON_HTTP_MESSAGE_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patchbay {

// A request as a handler sees it. Value type.
struct HttpRequest {
  std::string method;                           // "GET"
  std::string path;                             // as sent, still percent-encoded, without the query
  std::map<std::string, std::string> query;     // decoded
  std::map<std::string, std::string> headers;   // names in lower case
  std::map<std::string, std::string> captures;  // what the route's {names} stand for, decoded
  std::string body;

  // The header's value; empty when it is absent. `name` in lower case.
  std::string_view Header(const std::string& name) const;
  // The query's value, or `otherwise` when it is absent.
  std::string Query(const std::string& name, const std::string& otherwise = "") const;
};

// What a handler answers.
struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  // besides content type and length
};

// Text with %XX resolved; `plus_is_space` as in query strings. Broken escapes stay as they are.
std::string PercentDecoded(std::string_view text, bool plus_is_space);

// Whether path and query, resolved, are UTF-8, which all that reads them relies on.
bool AddressIsUtf8(const HttpRequest& request);

// "a=1&b=x%20y" as a map; the last of equal names counts.
std::map<std::string, std::string> ParseQuery(std::string_view query);

// The media type of a file name's suffix; "application/octet-stream" when it is unknown.
std::string MediaTypeOf(std::string_view file_name);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_HTTP_MESSAGE_H_
