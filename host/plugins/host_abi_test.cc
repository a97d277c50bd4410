#include <ATen/ATen.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/plugins/abi_rules.h"

namespace patchbay {
namespace {

TEST(HostAbiTest, NamesWhatTheExactTierDependsOn) {
  const HostAbi abi = ThisHostAbi();
  EXPECT_THAT(
      abi.fingerprint,
      testing::MatchesRegex("(gcc|clang)-[0-9]+ libstdc\\+\\+-abi[01](-debug)? c\\+\\+[0-9]+ "
                            "libtorch-[0-9.a-z+]+"));
  // The headers' version is the loaded library's: at::show_config() begins with nothing of it, but
  // the build says it in its compile flags.
  EXPECT_THAT(at::show_config(), testing::HasSubstr("TORCH_VERSION=" + abi.libtorch));
}

}  // namespace
}  // namespace patchbay
