#include "bridges/common/http_message.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

TEST(HttpMessageTest, DecodesWhatIsEscapedAndLeavesBrokenEscapes) {
  EXPECT_EQ(PercentDecoded("a%20b+c", false), "a b+c");
  EXPECT_EQ(PercentDecoded("a%20b+c", true), "a b c");
  EXPECT_EQ(PercentDecoded("%4", false), "%4");
  EXPECT_EQ(PercentDecoded("%zz", false), "%zz");
}

TEST(HttpMessageTest, TheLastOfEqualNamesCounts) {
  EXPECT_EQ(ParseQuery("a=1&&b=x%20y&a=2&c"),
            (std::map<std::string, std::string>{{"a", "2"}, {"b", "x y"}, {"c", ""}}));
}

TEST(HttpMessageTest, TellsAddressesThatAreNoText) {
  const auto is_utf8 = [](const std::string& path, const std::string& query) {
    HttpRequest request;
    request.path = path;
    request.query = ParseQuery(query);
    return AddressIsUtf8(request);
  };
  EXPECT_TRUE(is_utf8("/view", "filename=%C3%A4.png"));
  EXPECT_TRUE(is_utf8("/%E2%82%AC", ""));
  EXPECT_FALSE(is_utf8("/%FF", ""));
  EXPECT_FALSE(is_utf8("/\xe2\x82", ""));
  EXPECT_FALSE(is_utf8("/view", "filename=%C3"));
  EXPECT_FALSE(is_utf8("/view", "%C3=a"));
  EXPECT_FALSE(is_utf8("/view", "surrogate=%ED%A0%80"));
}

}  // namespace
}  // namespace patchbay
