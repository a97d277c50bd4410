#include "bridges/common/latent_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string File(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + header + data;
}

std::string Header(const std::string& type, const std::string& shape, const std::string& offsets,
                   const std::string& rest = "") {
  return R"({"latent_tensor":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}" + rest + "}";
}

TEST(LatentFileTest, ComesBack) {
  const FloatPlanes latent{1, 2, 1, 2, {1, -2, 3.5f, 0}};
  const auto host = ReadHostLatentFile(HostLatentFile(latent));
  ASSERT_TRUE(host.ok()) << host.status();
  EXPECT_EQ(host->values, latent.values);
  EXPECT_EQ(host->channels, 2);
  const auto comfyui = ReadComfyLatentFile(ComfyLatentFile(latent, {{"prompt", "{}"}}));
  ASSERT_TRUE(comfyui.ok()) << comfyui.status();
  EXPECT_EQ(comfyui->values, latent.values);
  EXPECT_FALSE(ReadHostLatentFile(ComfyLatentFile(latent, {})).ok());
}

// 0x3C00 is 1 as a half, 0xC000 is -2; without the mark numbers are divided by 0.18215.
TEST(LatentFileTest, ReadsHalvesAndOldFiles) {
  const std::string data("\x00\x3c\x00\xc0", 4);
  const std::string mark =
      R"(,"latent_format_version_0":{"dtype":"F32","shape":[0],"data_offsets":[4,4]})";
  const auto marked = ReadComfyLatentFile(File(Header("F16", "[1,1,1,2]", "[0,4]", mark), data));
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_THAT(marked->values, ElementsAre(1, -2));
  const auto old = ReadComfyLatentFile(File(Header("F16", "[1,1,1,2]", "[0,4]"), data));
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_FLOAT_EQ(old->values[0], 1 / 0.18215f);
}

TEST(LatentFileTest, RefusesDamage) {
  const std::string data(8, '\0');
  const auto error = [&data](const std::string& header) {
    return std::string(ReadComfyLatentFile(File(header, data)).status().message());
  };
  EXPECT_EQ(error(Header("F32", "[1,1,1,2]", "[0,8]")), "");
  EXPECT_THAT(error(Header("BF16", "[1,1,1,2]", "[0,4]")), HasSubstr("BF16"));
  EXPECT_THAT(error(Header("F32", "[1,1,2]", "[0,8]")), HasSubstr("shape"));
  EXPECT_THAT(error(Header("F32", "[1,1,1,-2]", "[0,8]")), HasSubstr("shape"));
  EXPECT_THAT(error(Header("F32", "[1,1048576,1048576,2]", "[0,8]")), HasSubstr("too many"));
  EXPECT_THAT(error(Header("F32", "[1,1,1,4]", "[0,16]")), HasSubstr("missing"));
  EXPECT_THAT(error(Header("F32", "[1,1,1,2]", "[8,0]")), HasSubstr("missing"));
  EXPECT_THAT(error("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(error("{}"), HasSubstr("latent_tensor"));
  EXPECT_FALSE(ReadComfyLatentFile("short").ok());
  EXPECT_FALSE(ReadComfyLatentFile(std::string(8, '\xff') + "{}").ok());
}

}  // namespace
}  // namespace patchbay
