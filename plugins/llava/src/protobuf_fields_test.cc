#include "plugins/llava/src/protobuf_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace llava {
namespace {

using ::testing::IsEmpty;

std::string Bytes(const std::vector<int>& values) { return {values.begin(), values.end()}; }

std::vector<ProtobufField> Fields(const std::string& message) {
  std::vector<ProtobufField> fields;
  EXPECT_TRUE(
      SeeProtobufFields(message, [&](const ProtobufField& field) { fields.push_back(field); }));
  return fields;
}

bool IsDamaged(const std::string& message) {
  return !SeeProtobufFields(message, [](const ProtobufField&) {});
}

TEST(ProtobufFieldsTest, ReadsEveryWireType) {
  // Field 1: 150. 2: "ab". 3: four bytes. 40: eight bytes.
  const std::string message = Bytes({0x08, 0x96, 0x01, 0x12, 0x02, 'a', 'b', 0x1d, 1, 2, 0,
                                     0,    0xc1, 0x02, 1,    0,    0,   0,   0,    0, 0, 0x80});
  const std::vector<ProtobufField> fields = Fields(message);
  ASSERT_EQ(fields.size(), 4);
  EXPECT_EQ(fields[0].number, 1);
  EXPECT_EQ(fields[0].value, 150);
  EXPECT_EQ(fields[1].number, 2);
  EXPECT_EQ(fields[1].bytes, "ab");
  EXPECT_EQ(fields[2].number, 3);
  EXPECT_EQ(fields[2].value, 0x201);
  EXPECT_EQ(fields[3].number, 40);
  EXPECT_EQ(fields[3].value, 0x8000000000000001);
  EXPECT_THAT(Fields(""), IsEmpty());
}

TEST(ProtobufFieldsTest, SeesDamage) {
  EXPECT_TRUE(IsDamaged(Bytes({0x08})));
  EXPECT_TRUE(IsDamaged(Bytes({0x08, 0x80})));
  EXPECT_TRUE(IsDamaged(Bytes({0x12, 0x03, 'a', 'b'})));
  EXPECT_TRUE(IsDamaged(Bytes({0x1d, 1, 2, 3})));
  // A group, which nothing writes any more.
  EXPECT_TRUE(IsDamaged(Bytes({0x0b, 0x0c})));
  EXPECT_TRUE(
      IsDamaged(Bytes({0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})));
  // A length that no address has.
  EXPECT_TRUE(
      IsDamaged(Bytes({0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'})));
}

}  // namespace
}  // namespace llava
