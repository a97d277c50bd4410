#include "host/plugins/error_text.h"

#include <cstring>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

TEST(ErrorTextTest, EndsWithTheBuffer) {
  patchbay_error error{};
  std::memset(error.text, 'x', sizeof(error.text));
  EXPECT_EQ(ErrorText(error), std::string(sizeof(error.text), 'x'));
}

TEST(ErrorTextTest, IsUtf8WhereItWasCut) {
  patchbay_error error{};
  std::strcpy(error.text, "caf\xc3\xa9 and caf\xc3");
  EXPECT_EQ(ErrorText(error), "caf\xc3\xa9 and caf\xef\xbf\xbd");
}

}  // namespace
}  // namespace patchbay
