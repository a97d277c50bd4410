#include "bridges/common/access_policy.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace patchbay {
namespace {

HttpRequest With(const std::string& name, const std::string& value) {
  HttpRequest request;
  request.method = "GET";
  request.headers["host"] = "127.0.0.1:7860";
  request.headers[name] = value;
  return request;
}

int StatusOf(const AccessPolicy& policy, const HttpRequest& request) {
  const auto refusal = CheckAccess(policy, request);
  return refusal.has_value() ? refusal->status : 200;
}

TEST(AccessPolicyTest, WithoutCredentialsAnyAuthorizationIsIgnored) {
  for (const char* value : {"", "Basic", "Basic Og==", "Basic !", "Bearer x"}) {
    EXPECT_EQ(StatusOf({}, With("authorization", value)), 200) << value;
  }
}

TEST(AccessPolicyTest, Basic) {
  const AccessPolicy policy{{"ann:secret", "bob:other"}, "", {}};
  const auto basic = [](const std::string& pair) {
    return absl::StrCat("Basic ", absl::Base64Escape(pair));
  };
  EXPECT_EQ(StatusOf(policy, With("authorization", basic("ann:secret"))), 200);
  EXPECT_EQ(StatusOf(policy, With("authorization", basic("bob:other"))), 200);
  for (const std::string& wrong : {basic("ann:other"), basic(""), basic("ann:secret "),
                                   std::string("Basic ???"), std::string("Bearer ann:secret")}) {
    EXPECT_EQ(StatusOf(policy, With("authorization", wrong)), 401) << wrong;
  }
  const auto refusal = CheckAccess(policy, With("x", ""));
  ASSERT_TRUE(refusal.has_value());
  EXPECT_EQ(refusal->headers.front().first, "WWW-Authenticate");
}

TEST(AccessPolicyTest, Bearer) {
  const AccessPolicy policy{{}, "token", {}};
  EXPECT_EQ(StatusOf(policy, With("authorization", "Bearer token")), 200);
  EXPECT_EQ(StatusOf(policy, With("authorization", "Bearer toke")), 401);
}

TEST(AccessPolicyTest, ForeignPagesAreRefusedUnlessAllowed) {
  const HttpRequest foreign = With("origin", "http://evil.example");
  EXPECT_EQ(StatusOf({}, foreign), 403);
  EXPECT_EQ(StatusOf({}, With("origin", "http://127.0.0.1:7860")), 200);
  EXPECT_EQ(StatusOf({}, With("origin", "http://127.0.0.1:5001")), 403);
  EXPECT_EQ(StatusOf({{}, "", {"http://evil.example"}}, foreign), 200);
  EXPECT_EQ(StatusOf({{}, "", {"http://other.example"}}, foreign), 403);
}

TEST(AccessPolicyTest, AnswersOnLoopbackToLoopbackNamesOnly) {
  AccessPolicy policy;
  policy.on_loopback = true;
  for (const char* host :
       {"localhost", "LocalHost:7860", "127.0.0.1:7860", "127.1.2.3", "[::1]", "[::1]:7860", ""}) {
    EXPECT_EQ(StatusOf(policy, With("host", host)), 200) << host;
  }
  for (const char* host : {"evil.example:7860", "127.evil.example", "127.0.0.1.evil.example:7860",
                           "localhost.evil.example", "[::1].evil.example", "192.168.0.1:7860"}) {
    EXPECT_EQ(StatusOf(policy, With("host", host)), 403) << host;
  }
  // An address that others can reach has names that nobody here knows.
  EXPECT_EQ(StatusOf({}, With("host", "evil.example:7860")), 200);
  policy.cors_origins = {"http://my-machine.example:7860"};
  EXPECT_EQ(StatusOf(policy, With("host", "my-machine.example:7860")), 200);
  EXPECT_EQ(StatusOf(policy, With("host", "evil.example:7860")), 403);
  // A browser keeps credentials for the name that they were given for.
  EXPECT_EQ(StatusOf({{"ann:secret"}, "", {}, true}, With("host", "evil.example")), 401);
}

TEST(AccessPolicyTest, PreflightNeedsNoCredentials) {
  const AccessPolicy policy{{"ann:secret"}, "", {"http://page.example"}};
  HttpRequest preflight = With("origin", "http://page.example");
  preflight.method = "OPTIONS";
  EXPECT_EQ(StatusOf(policy, preflight), 200);
  preflight.headers["origin"] = "http://evil.example";
  EXPECT_EQ(StatusOf(policy, preflight), 403);
}

}  // namespace
}  // namespace patchbay
