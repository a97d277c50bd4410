#include "host/formats/gguf.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;
constexpr uint32_t kText = 8;
constexpr uint32_t kList = 9;
constexpr uint32_t kInt32 = 5;
constexpr uint32_t kUInt32 = 4;

template <typename Number>
std::string Bytes(Number value) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(value); ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::string Text(const std::string& text) { return Bytes<uint64_t>(text.size()) + text; }

// A file as it is put together; each part may be replaced by a wrong one.
struct Builder {
  uint32_t version = 3;
  std::string entries;
  uint64_t entry_count = 0;
  std::string table;
  uint64_t tensor_count = 0;
  uint64_t alignment = 32;
  size_t data_bytes = 0;

  Builder& Entry(const std::string& key, uint32_t type, const std::string& value) {
    entries += Text(key) + Bytes(type) + value;
    ++entry_count;
    return *this;
  }
  Builder& Tensor(const std::string& name, const std::vector<uint64_t>& sizes, uint32_t type,
                  uint64_t offset) {
    table += Text(name) + Bytes(static_cast<uint32_t>(sizes.size()));
    for (const uint64_t size : sizes) table += Bytes(size);
    table += Bytes(type) + Bytes(offset);
    ++tensor_count;
    return *this;
  }
  Builder& Data(size_t bytes) {
    data_bytes = bytes;
    return *this;
  }
  std::string Header() const {
    return "GGUF" + Bytes(version) + Bytes(tensor_count) + Bytes(entry_count) + entries + table;
  }
  std::string File() const {
    std::string file = Header();
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + std::string(data_bytes, '\x01');
  }
};

absl::Status Parse(const std::string& content, GgufTensors& tensors,
                   const GgufLimits& limits = {}) {
  const auto bytes =
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(content.data()), content.size());
  return ParseGguf("x.gguf", bytes, limits, tensors);
}

std::string Complaint(const std::string& content, const GgufLimits& limits = {}) {
  GgufTensors tensors;
  const absl::Status status = Parse(content, tensors, limits);
  if (status.ok()) return "accepted";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("x.gguf"));
  return std::string(status.message());
}

std::string Complaint(const Builder& builder) { return Complaint(builder.File()); }

TEST(GgufTest, ReadsTensorsWithTheirDimensionsTurnedRound) {
  const std::string file =
      Builder()
          .Entry("general.architecture", kText, Text("sd1"))
          .Entry("general.tags", kList, Bytes(kText) + Bytes<uint64_t>(2) + Text("a") + Text("bc"))
          .Tensor("a", {3, 2}, kF32, 0)
          .Tensor("b", {64, 2}, kQ8_0, 32)
          .Data(32 + 4 * 34)
          .File();
  GgufTensors tensors;
  ASSERT_TRUE(Parse(file, tensors).ok());
  EXPECT_THAT(tensors.at("a").shape, ElementsAre(2, 3));
  EXPECT_EQ(tensors.at("a").bytes.size(), 24);
  EXPECT_THAT(tensors.at("b").shape, ElementsAre(2, 64));
  EXPECT_EQ(tensors.at("b").type, GgufType::kQ8_0);
  EXPECT_EQ(tensors.at("b").bytes.size(), 4 * 34);
  EXPECT_EQ(reinterpret_cast<const char*>(tensors.at("b").bytes.data()),
            file.data() + file.size() - size_t{4} * 34);
}

TEST(GgufTest, RestoresTheShapeThatATensorHadBeforeItWasRearranged) {
  const auto shape = [](const std::vector<int32_t>& sizes) {
    std::string list = Bytes(kInt32) + Bytes<uint64_t>(sizes.size());
    for (const int32_t size : sizes) list += Bytes(static_cast<uint32_t>(size));
    return list;
  };
  const auto file = [&](const std::vector<int32_t>& sizes) {
    return Builder()
        .Entry("comfy.gguf.orig_shape.a", kList, shape(sizes))
        .Tensor("a", {32, 9}, kQ8_0, 0)
        .Data(9 * 34)
        .File();
  };
  GgufTensors tensors;
  ASSERT_TRUE(Parse(file({4, 8, 3, 3}), tensors).ok());
  EXPECT_THAT(tensors.at("a").shape, ElementsAre(4, 8, 3, 3));
  EXPECT_THAT(Complaint(file({4, 8, 3, 2})), HasSubstr("original shape"));
  EXPECT_THAT(Complaint(file({-4, -8, 3, 3})), HasSubstr("size -4"));
  EXPECT_THAT(Complaint(file({1, 1, 1, 1, 1, 1, 1, 1, 1})), HasSubstr("list of at most 8"));
  EXPECT_THAT(Complaint(file({INT32_MAX, INT32_MAX, INT32_MAX})), HasSubstr("original shape"));
  Builder text;
  text.Entry("comfy.gguf.orig_shape.a", kText, Text("4"));
  EXPECT_THAT(Complaint(text), HasSubstr("32-bit integers"));
}

TEST(GgufTest, FollowsTheAlignmentThatTheFileNames) {
  Builder builder;
  builder.alignment = 256;
  builder.Entry("general.alignment", kUInt32, Bytes<uint32_t>(256)).Tensor("a", {1}, kF32, 0);
  EXPECT_EQ(Complaint(builder.Data(4)), "accepted");
  builder.Tensor("b", {1}, kF32, 32);
  EXPECT_THAT(Complaint(builder.Data(64)), HasSubstr("no multiple of 256"));
  for (const uint32_t alignment : {0U, 3U, 1U << 30}) {
    Builder wrong;
    wrong.Entry("general.alignment", kUInt32, Bytes(alignment));
    EXPECT_THAT(Complaint(wrong), HasSubstr("no power of two"));
  }
  Builder text;
  text.Entry("general.alignment", kText, Text("32"));
  EXPECT_THAT(Complaint(text), HasSubstr("not a 32-bit number"));
}

TEST(GgufTest, ReadsVersionsTwoAndThree) {
  for (const uint32_t version : {2U, 3U}) {
    Builder builder;
    builder.version = version;
    EXPECT_EQ(Complaint(builder.Tensor("a", {3}, kF32, 0).Data(12)), "accepted");
  }
}

TEST(GgufTest, RefusesWhatIsNoGgufFile) {
  EXPECT_THAT(Complaint(std::string()), HasSubstr("not a GGUF file"));
  EXPECT_THAT(Complaint(std::string("GGU")), HasSubstr("not a GGUF file"));
  EXPECT_THAT(Complaint(std::string("version https://git-lfs.github.com/spec/v1")),
              HasSubstr("Git LFS"));
  for (const uint32_t version : {0U, 1U, 4U}) {
    Builder builder;
    builder.version = version;
    EXPECT_THAT(Complaint(builder), HasSubstr(absl::StrCat("of version ", version)));
  }
  Builder big_endian;
  big_endian.version = 3U << 24;
  EXPECT_THAT(Complaint(big_endian), HasSubstr("big-endian"));
}

TEST(GgufTest, RefusesAFileThatEndsAnywhereTooEarly) {
  const std::string whole = Builder()
                                .Entry("general.architecture", kText, Text("sd1"))
                                .Tensor("a", {32, 2}, kQ8_0, 0)
                                .Tensor("b", {2}, kF32, 96)
                                .Data(104)
                                .File();
  ASSERT_EQ(Complaint(whole), "accepted");
  for (size_t size = 4; size < whole.size(); ++size) {
    EXPECT_THAT(Complaint(whole.substr(0, size)), HasSubstr("truncated")) << size;
  }
}

TEST(GgufTest, TakesNoMemoryForCountsThatTheFileDoesNotHold) {
  Builder tensors;
  tensors.tensor_count = UINT64_MAX;
  EXPECT_THAT(Complaint(tensors), HasSubstr("tensors, at most"));
  tensors.tensor_count = 199'999;
  EXPECT_THAT(Complaint(tensors), HasSubstr("truncated"));
  Builder entries;
  entries.entry_count = UINT64_MAX;
  EXPECT_THAT(Complaint(entries), HasSubstr("metadata, at most"));
  entries.entry_count = 199'999;
  EXPECT_THAT(Complaint(entries), HasSubstr("truncated"));
  Builder name;
  name.tensor_count = 1;
  name.table = Bytes<uint64_t>(1 << 30);
  EXPECT_THAT(Complaint(name), HasSubstr("a name in its header has 1073741824 bytes"));
  for (const uint32_t element : {kText, kList, kInt32}) {
    Builder list;
    list.Entry("list", kList, Bytes(element) + Bytes<uint64_t>(UINT64_MAX));
    EXPECT_THAT(Complaint(list), HasSubstr("truncated")) << element;
  }
  GgufLimits small;
  small.max_header_bytes = 40;
  const std::string file =
      Builder().Entry("general.name", kText, Text("long enough")).Data(64).File();
  EXPECT_THAT(Complaint(file, small), HasSubstr("more than the 40 bytes"));
}

TEST(GgufTest, RefusesMetadataThatItCannotFollow) {
  Builder type;
  type.Entry("a", 13, "");
  EXPECT_THAT(Complaint(type), HasSubstr("unknown type 13"));
  Builder element;
  element.Entry("a", kList, Bytes<uint32_t>(77) + Bytes<uint64_t>(1));
  EXPECT_THAT(Complaint(element), HasSubstr("unknown type 77"));
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += Bytes(kList) + Bytes<uint64_t>(1);
  Builder deep;
  deep.Entry("a", kList, nested);
  EXPECT_THAT(Complaint(deep), HasSubstr("too often"));
  Builder twice;
  twice.Entry("a", kText, Text("1")).Entry("a", kText, Text("2"));
  EXPECT_THAT(Complaint(twice), HasSubstr("twice"));
}

TEST(GgufTest, RefusesTensorsThatAreNotWhatTheySay) {
  const auto one = [](const std::vector<uint64_t>& sizes, uint32_t type, uint64_t offset,
                      size_t data) {
    return Complaint(Builder().Tensor("some.weight", sizes, type, offset).Data(data));
  };
  EXPECT_EQ(one({32}, kQ8_0, 0, 34), "accepted");
  EXPECT_THAT(one({32}, kQ8_0, 0, 33), HasSubstr("tensor \"some.weight\" needs 34 bytes"));
  EXPECT_THAT(one({32}, kQ8_0, 64, 64), HasSubstr("truncated"));
  EXPECT_THAT(one({32}, kQ8_0, UINT64_MAX - 31, 34), HasSubstr("truncated"));
  EXPECT_THAT(one({32}, kQ8_0, 8, 64), HasSubstr("no multiple of 32"));
  EXPECT_THAT(one({48}, kQ8_0, 0, 64), HasSubstr("rows of 48 numbers"));
  EXPECT_THAT(one({0}, kF32, 0, 64), HasSubstr("impossible shape"));
  EXPECT_THAT(one({1ULL << 62, 4}, kF32, 0, 64), HasSubstr("impossible shape"));
  EXPECT_THAT(one({UINT64_MAX}, kF32, 0, 64), HasSubstr("impossible shape"));
  EXPECT_THAT(one(std::vector<uint64_t>(9, 1), kF32, 0, 64), HasSubstr("9 dimensions"));
  EXPECT_THAT(one({256}, 10, 0, 64), HasSubstr("Q2_K, which this program does not read"));
  EXPECT_THAT(one({256}, 4, 0, 64), HasSubstr("type 4, which this program does not read"));
  EXPECT_EQ(one({7}, 27, 0, 7 * 8), "accepted");
  EXPECT_THAT(
      Complaint(Builder().Tensor("a", {32, 2}, kQ8_0, 0).Tensor("b", {1}, kF32, 64).Data(128)),
      HasSubstr("\"b\" overlaps \"a\""));
  EXPECT_THAT(Complaint(Builder().Tensor("a", {1}, kF32, 0).Tensor("a", {1}, kF32, 32).Data(64)),
              HasSubstr("there twice"));
}

TEST(GgufTest, DequantizesHalfPrecisionScalesOfEveryKind) {
  const auto first = [](uint16_t half) {
    std::string block(34, '\x01');
    block[0] = static_cast<char>(half);
    block[1] = static_cast<char>(half >> 8);
    float values[32];
    DequantizeGguf(GgufType::kQ8_0,
                   absl::MakeConstSpan(reinterpret_cast<const std::byte*>(block.data()), 34),
                   values);
    return values[0];
  };
  EXPECT_EQ(first(0x3c00), 1);
  EXPECT_EQ(first(0xc000), -2);
  EXPECT_EQ(first(0x0001), 0x1p-24F);
  EXPECT_EQ(first(0x8001), -0x1p-24F);
  EXPECT_EQ(first(0x7bff), 65504);
  EXPECT_EQ(first(0x7c00), INFINITY);
  EXPECT_TRUE(std::isnan(first(0x7e00)));
}

}  // namespace
}  // namespace patchbay
