#include "bridges/common/model_file_name.h"

#include <gtest/gtest.h>

namespace patchbay {
namespace {

TEST(ModelFileName, AddsTheEndingThatTheHostLeavesOut) {
  EXPECT_EQ(ModelFileName("folder/film"), "folder/film.safetensors");
  EXPECT_EQ(ModelFileName("film.v2"), "film.v2.safetensors");
}

TEST(ModelFileName, KeepsTheEndingOfGgufFiles) {
  EXPECT_EQ(ModelFileName("film/unet/small-Q4_K.gguf"), "film/unet/small-Q4_K.gguf");
  EXPECT_EQ(ModelFileName("SMALL.GGUF"), "SMALL.GGUF");
}

}  // namespace
}  // namespace patchbay
