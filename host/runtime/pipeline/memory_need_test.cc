#include "host/runtime/pipeline/memory_need.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kGibibyte = uint64_t{1} << 30;
constexpr bool kOnProcessor = true;

ModelDescription StableDiffusion1() {
  ModelDescription model;
  model.unet_width = 320;
  return model;
}

// 2048 x 2048 places of 320 channels of 2 bytes are 2.5 GiB; 64 pictures of 16384 x 16384 pixels
// with 3 colours of 5 bytes are 240 GiB, which is more.
TEST(MemoryNeedTest, RefusesWhatFitsIntoNoMachine) {
  GenerationRequest request;
  EXPECT_EQ(LeastMemory(request, {16384, 16384}, StableDiffusion1(), kOnProcessor),
            15 * kGibibyte / 4);
  request.batch = 64;
  EXPECT_EQ(LeastMemory(request, {16384, 16384}, StableDiffusion1(), kOnProcessor),
            240 * kGibibyte);
  const absl::Status status =
      CheckMemory(request, {16384, 16384}, StableDiffusion1(), kOnProcessor, 128 * kGibibyte);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("240.0 GiB"), HasSubstr("128.0 GiB"), HasSubstr("smaller batch")));
}

TEST(MemoryNeedTest, LetsLargePicturesPass) {
  GenerationRequest request;
  EXPECT_TRUE(
      CheckMemory(request, {4096, 4096}, StableDiffusion1(), kOnProcessor, 16 * kGibibyte).ok());
  // On a GPU only the bytes of the pictures are certain to be in this memory.
  EXPECT_EQ(LeastMemory(request, {16384, 16384}, StableDiffusion1(), !kOnProcessor),
            3 * kGibibyte / 4);
}

TEST(MemoryNeedTest, CountsTheSecondPass) {
  GenerationRequest request;
  request.hires = HiresPass{{16384, 16384}};
  EXPECT_EQ(LeastMemory(request, {512, 512}, StableDiffusion1(), kOnProcessor), 15 * kGibibyte / 4);
}

}  // namespace
}  // namespace patchbay
