#ifndef PATCHBAY_BRIDGES_COMMON_ACCESS_POLICY_H_
#define PATCHBAY_BRIDGES_COMMON_ACCESS_POLICY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridges/common/http_message.h"

namespace patchbay {

// Who may call a bridge. With no credentials set, everybody may, and an Authorization header is
// ignored whatever it says: some clients always send one.
struct AccessPolicy {
  std::vector<std::string> basic_credentials;  // "user:password"; HTTP Basic (RFC 7617)
  std::string bearer_token;                    // RFC 6750
  // Origins whose pages may call, such as "http://127.0.0.1:5001"; "*" for all. Others are refused
  // when they call a loopback address, so that no web page can use a bridge behind its user's back.
  std::vector<std::string> cors_origins;
  // Whether the bridge listens on a loopback address; the server finds out. Only requests to a
  // loopback name or to a host in `cors_origins` are then answered without credentials: a foreign
  // page whose name was made to mean this machine (DNS rebinding) has the same origin as its calls.
  bool on_loopback = false;
};

// The refusal of a request that may not be answered: 401 or 403; nothing when it may. Also answers
// a CORS preflight (OPTIONS). `request.method` and headers are looked at, nothing else.
std::optional<HttpResponse> CheckAccess(const AccessPolicy& policy, const HttpRequest& request);

// Adds the headers by which a browser lets an allowed origin read the answer.
void AddCorsHeaders(const AccessPolicy& policy, const HttpRequest& request, HttpResponse& response);

// Compares in a time that depends only on the lengths.
bool EqualInConstantTime(std::string_view left, std::string_view right);

}  // namespace patchbay

#endif  // PATCHBAY_BRIDGES_COMMON_ACCESS_POLICY_H_
