#include "bridges/common/access_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace patchbay {
namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest DigestOf(std::string_view text) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

std::string_view WithoutScheme(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == origin.npos ? origin : origin.substr(scheme + 3);
}

// A Host header: "localhost:7860", "127.0.0.1", "[::1]:7860".
bool IsLoopback(std::string_view host) {
  if (host == "[::1]" || host.starts_with("[::1]:")) return true;
  const std::string name(host.substr(0, host.rfind(':')));
  in_addr address;
  if (inet_pton(AF_INET, name.c_str(), &address) == 1) {
    return ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  return absl::EqualsIgnoreCase(name, "localhost");
}

bool OriginIsAllowed(const AccessPolicy& policy, std::string_view origin) {
  return std::any_of(
      policy.cors_origins.begin(), policy.cors_origins.end(),
      [origin](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

bool HostIsAllowed(const AccessPolicy& policy, std::string_view host) {
  return std::any_of(policy.cors_origins.begin(), policy.cors_origins.end(),
                     [host](const std::string& allowed) {
                       return allowed == "*" || WithoutScheme(allowed) == host;
                     });
}

bool HasCredentials(const AccessPolicy& policy, std::string_view authorization) {
  const size_t space = authorization.find(' ');
  if (space == authorization.npos) return false;
  const std::string scheme(authorization.substr(0, space));
  const std::string given(authorization.substr(space + 1));
  if (absl::EqualsIgnoreCase(scheme, "bearer")) {
    return !policy.bearer_token.empty() && EqualInConstantTime(policy.bearer_token, given);
  }
  std::string decoded;
  if (!absl::EqualsIgnoreCase(scheme, "basic") || !absl::Base64Unescape(given, &decoded)) {
    return false;
  }
  bool fits = false;
  for (const std::string& credentials : policy.basic_credentials) {
    fits |= EqualInConstantTime(credentials, decoded);
  }
  return fits;
}

HttpResponse Refusal(int status, const std::string& detail) {
  HttpResponse response;
  response.status = status;
  response.body = "{\"detail\":\"" + detail + "\"}";
  return response;
}

}  // namespace

bool EqualInConstantTime(std::string_view left, std::string_view right) {
  // Digests have one length, so that the comparison does not tell the secret's.
  const Digest a = DigestOf(left), b = DigestOf(right);
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<HttpResponse> CheckAccess(const AccessPolicy& policy, const HttpRequest& request) {
  const std::string_view origin = request.Header("origin");
  const std::string_view host = request.Header("host");
  const bool allowed = OriginIsAllowed(policy, origin);
  if (!origin.empty() && !allowed && IsLoopback(host) && WithoutScheme(origin) != host) {
    return Refusal(403, "pages of this origin may not call this server; see --cors-allow-origins");
  }
  if (request.method == "OPTIONS" && allowed) return HttpResponse{.status = 200, .body = "{}"};
  const bool open = policy.basic_credentials.empty() && policy.bearer_token.empty();
  // Browsers always name the host; programs of the HTTP/1.0 kind may not.
  if (open && policy.on_loopback && !host.empty() && !IsLoopback(host) &&
      !HostIsAllowed(policy, host)) {
    return Refusal(403,
                   "this server answers to a loopback name only, such as 127.0.0.1; "
                   "see --cors-allow-origins");
  }
  if (open || HasCredentials(policy, request.Header("authorization"))) return std::nullopt;
  HttpResponse response = Refusal(401, "Incorrect username or password");
  const bool basic = !policy.basic_credentials.empty();
  response.headers.emplace_back("WWW-Authenticate", basic ? "Basic" : "Bearer");
  return response;
}

void AddCorsHeaders(const AccessPolicy& policy, const HttpRequest& request,
                    HttpResponse& response) {
  const std::string_view origin = request.Header("origin");
  if (origin.empty() || !OriginIsAllowed(policy, origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  response.headers.emplace_back("Vary", "Origin");
  response.headers.emplace_back("Access-Control-Allow-Methods",
                                "GET, POST, PUT, PATCH, DELETE, OPTIONS");
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Content-Type, Authorization, Comfy-User");
  response.headers.emplace_back("Access-Control-Allow-Credentials", "true");
}

}  // namespace patchbay
