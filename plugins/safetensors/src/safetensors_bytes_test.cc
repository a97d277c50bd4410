#include "plugins/safetensors/src/safetensors_bytes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace safetensors {
namespace {

TEST(SafetensorsBytesTest, HasAHeaderAndAlignedTensors) {
  const at::Tensor bytes = at::arange(3, at::kByte);
  const at::Tensor floats = at::tensor({1.5f, -2.0f});
  const std::string file = SafetensorsBytes({{"a", bytes}, {"b", floats}}, {{"key", "text"}});
  const auto header = static_cast<size_t>(static_cast<unsigned char>(file[0]));
  ASSERT_EQ(header % 8, 0U);
  EXPECT_EQ(file.size(), 8 + header + 8 + 3);
  const std::string text = file.substr(8, header);
  EXPECT_NE(text.find(R"("b":{"data_offsets":[0,8],"dtype":"F32","shape":[2]})"),
            std::string::npos);
  EXPECT_NE(text.find(R"("a":{"data_offsets":[8,11],"dtype":"U8","shape":[3]})"),
            std::string::npos);
  EXPECT_NE(text.find(R"("__metadata__":{"key":"text"})"), std::string::npos);
  float first = 0;
  std::memcpy(&first, file.data() + 8 + header, sizeof(first));
  EXPECT_EQ(first, 1.5f);
  EXPECT_EQ(file.substr(8 + header + 8), std::string("\0\1\2", 3));
}

TEST(SafetensorsBytesTest, WritesTextsThatAreNoUtf8) {
  const std::string file = SafetensorsBytes({{"a", at::zeros({1})}}, {{"path", "caf\xe9"}});
  EXPECT_NE(file.find("\"path\":\"caf\xef\xbf\xbd\""), std::string::npos);
}

}  // namespace
}  // namespace safetensors
