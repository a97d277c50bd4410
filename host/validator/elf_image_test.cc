#include "host/validator/elf_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace patchbay {
namespace {

constexpr char kLibrary[] = EXAMPLES_FOLDER "/prediction-norm/prediction-norm.so";

TEST(ElfImageTest, ReadsAPlugin) {
  const auto image = ElfImage::Read(kLibrary);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(image->is_shared_object);
  EXPECT_TRUE(image->binds_now);
  EXPECT_TRUE(image->has_read_only_relocations);
  EXPECT_FALSE(image->has_executable_stack);
  EXPECT_FALSE(image->has_text_relocations);
  EXPECT_EQ(image->search_path, "");
  EXPECT_THAT(image->needed, testing::Contains("libc.so.6"));
  int defined = 0;
  for (const ElfImage::Symbol& symbol : image->dynamic_symbols) {
    if (!symbol.is_defined) continue;
    ++defined;
    EXPECT_EQ(symbol.name, "patchbay_plugin");
    EXPECT_TRUE(symbol.is_object);
  }
  EXPECT_EQ(defined, 1);
}

TEST(ElfImageTest, NeverReadsBeyondTheEnd) {
  std::ostringstream content;
  content << std::ifstream(kLibrary, std::ios::binary).rdbuf();
  const std::string whole = content.str();
  const std::string path = testing::TempDir() + "patchbay_elf_image_test";
  // Cut off anywhere, and with any single byte of the headers changed: an error or an image.
  for (size_t size = 0; size < whole.size(); size += 97) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    static_cast<void>(ElfImage::Read(path));
  }
  for (size_t i = 0; i < 64; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
    std::ofstream(path, std::ios::binary) << damaged;
    static_cast<void>(ElfImage::Read(path));
  }
  std::ofstream(path, std::ios::binary) << "no library";
  EXPECT_FALSE(ElfImage::Read(path).ok());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace patchbay
