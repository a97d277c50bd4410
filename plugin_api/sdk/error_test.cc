#include "patchbay/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using testing::HasSubstr;
using testing::Not;

std::pair<patchbay_status, std::string> Guarded(const std::string& what) {
  patchbay_error error{};
  error.struct_size = sizeof(error);
  const patchbay_status status = sdk::guard(&error, [&] { throw std::runtime_error(what); });
  return {status, error.text};
}

TEST(ErrorTest, TellsWhatWentWrongAndNotWhere) {
  const auto [status, text] = Guarded(
      "sizes differ\nException raised from infer at /src/tensor.cpp:31\nframe #0: f (0x1 in x.so)");
  EXPECT_EQ(status, PATCHBAY_INTERNAL);
  EXPECT_EQ(text, "sizes differ");
}

TEST(ErrorTest, KnowsLibTorchsWordsForMemoryThatThereIsNot) {
  const auto [status, text] = Guarded(
      "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate "
      "memory: you tried to allocate 9 bytes.\nframe #0: c10::ThrowEnforceNotMet");
  EXPECT_EQ(status, PATCHBAY_RESOURCE_EXHAUSTED);
  EXPECT_THAT(text, HasSubstr("9 bytes"));
  EXPECT_THAT(text, Not(HasSubstr("frame #0")));
}

}  // namespace
}  // namespace patchbay
