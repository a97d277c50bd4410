#include "host/formats/safetensors.h"

#include <unistd.h>

#include <chrono>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using ::testing::HasSubstr;

std::string LittleEndian(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

std::string FileOf(const std::string& header, size_t data_bytes) {
  return LittleEndian(header.size()) + header + std::string(data_bytes, '\x01');
}

struct Parsed {
  absl::Status status;
  std::map<std::string, SafetensorsTensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

Parsed Parse(const std::string& content, const SafetensorsLimits& limits = {}) {
  Parsed parsed;
  const auto bytes =
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(content.data()), content.size());
  parsed.status = ParseSafetensors("x.safetensors", bytes, limits, parsed.tensors, parsed.metadata);
  return parsed;
}

// The status of a file with this header and this many bytes after it.
std::string Complaint(const std::string& header, size_t data_bytes,
                      const SafetensorsLimits& limits = {}) {
  const absl::Status status = Parse(FileOf(header, data_bytes), limits).status;
  if (status.ok()) return "accepted";
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("x.safetensors"));
  return std::string(status.message());
}

std::string RawComplaint(const std::string& content) {
  return std::string(Parse(content).status.message());
}

TEST(SafetensorsTest, ReadsTensorsAndMetadata) {
  const Parsed parsed = Parse(
      FileOf(R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,3],"data_offsets":)"
             R"([2,26]},"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}   )",
             26));
  ASSERT_TRUE(parsed.status.ok()) << parsed.status;
  EXPECT_EQ(parsed.metadata.at("format"), "pt");
  ASSERT_EQ(parsed.tensors.size(), 2u);
  EXPECT_EQ(parsed.tensors.at("a").type, ElementType::kBFloat16);
  EXPECT_TRUE(parsed.tensors.at("a").shape.empty());
  EXPECT_EQ(parsed.tensors.at("b").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(parsed.tensors.at("b").bytes.data() - parsed.tensors.at("a").bytes.data(), 2);
}

TEST(SafetensorsTest, AcceptsEmptyTensorsAndNoTensors) {
  EXPECT_EQ(Complaint("{}", 0), "accepted");
  EXPECT_EQ(Complaint(R"({"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},)"
                      R"("b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                      1),
            "accepted");
}

TEST(SafetensorsTest, RefusesBadHeaderLengths) {
  EXPECT_THAT(RawComplaint(""), HasSubstr("empty or truncated"));
  EXPECT_THAT(RawComplaint("1234567"), HasSubstr("empty or truncated"));
  EXPECT_THAT(RawComplaint(LittleEndian(100) + "{}"), HasSubstr("truncated"));
  EXPECT_THAT(RawComplaint(LittleEndian(std::numeric_limits<uint64_t>::max()) + "{}"),
              HasSubstr("header would have"));
  EXPECT_THAT(RawComplaint(LittleEndian(26u << 20) + "{}"), HasSubstr("header would have"));
  EXPECT_THAT(RawComplaint(LittleEndian(0)), HasSubstr("does not begin with {"));
  EXPECT_THAT(RawComplaint(FileOf(" {}", 0)), HasSubstr("does not begin with {"));
}

TEST(SafetensorsTest, RefusesDuplicateKeys) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_THAT(Complaint("{" + a + "," + a + "}", 1), HasSubstr("same key twice at \"a\""));
  EXPECT_THAT(Complaint(R"({"__metadata__":{"k":"1","k":"2"}})", 0), HasSubstr("same key twice"));
  EXPECT_THAT(Complaint(R"({"__metadata__":{},"__metadata__":{}})", 0), HasSubstr("twice"));
  EXPECT_NE(Complaint(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
            "accepted");
}

TEST(SafetensorsTest, RefusesWrongJson) {
  for (const char* header :
       {"{", "{}x", R"({"a":1})", R"({"a":null})", R"({"a":"b"})", R"({"a":[]})", R"({"a":{}})",
        R"({"__metadata__":{"k":1}})", R"({"__metadata__":{"k":{}}})", R"({"__metadata__":[]})",
        R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})",
        R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
        R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"extra":"x"}})",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},})"}) {
    EXPECT_NE(Complaint(header, 1), "accepted") << header;
  }
  EXPECT_THAT(Complaint("{\"a\xff\":{}}", 0), HasSubstr("not valid JSON"));
}

TEST(SafetensorsTest, RefusesUnknownTypes) {
  EXPECT_THAT(Complaint(R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1),
              HasSubstr("unknown dtype F4"));
}

TEST(SafetensorsTest, RefusesWrongSizes) {
  EXPECT_THAT(Complaint(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4),
              HasSubstr("asks for 8"));
  EXPECT_THAT(Complaint(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4),
              HasSubstr("truncated"));
  EXPECT_THAT(Complaint(R"({"a":{"dtype":"F32","shape":[],"data_offsets":[4,0]}})", 4),
              HasSubstr("tensor \"a\""));
  // 4 * 2^62 wraps to 0 in 64 bits; so would the strides beside a zero.
  EXPECT_THAT(
      Complaint(R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0),
      HasSubstr("impossible shape"));
  EXPECT_THAT(Complaint(R"({"a":{"dtype":"U8","shape":[0,4294967296,4294967296],)"
                        R"("data_offsets":[0,0]}})",
                        0),
              HasSubstr("impossible shape"));
}

TEST(SafetensorsTest, RefusesHolesAndOverlaps) {
  const auto two = [](int begin, int end) {
    return absl::StrCat(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)",
                        R"("b":{"dtype":"U8","shape":[2],"data_offsets":[)", begin, ",", end,
                        "]}}");
  };
  EXPECT_EQ(Complaint(two(2, 4), 4), "accepted");
  EXPECT_THAT(Complaint(two(1, 3), 3), HasSubstr("overlaps another one or leaves a hole"));
  EXPECT_THAT(Complaint(two(0, 2), 2), HasSubstr("overlaps"));
  EXPECT_THAT(Complaint(two(3, 5), 5), HasSubstr("hole"));
  EXPECT_THAT(Complaint(two(2, 4), 5), HasSubstr("bytes after the last tensor"));
}

TEST(SafetensorsTest, KeepsLimits) {
  const std::string header = R"({"ab":{"dtype":"U8","shape":[1,1],"data_offsets":[0,1]},)"
                             R"("c":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})";
  EXPECT_EQ(Complaint(header, 2), "accepted");
  EXPECT_THAT(Complaint(header, 2, {.max_tensors = 1}), HasSubstr("more tensors"));
  EXPECT_THAT(Complaint(header, 2, {.max_name_bytes = 1}), HasSubstr("too long a name"));
  EXPECT_THAT(Complaint(header, 2, {.max_rank = 1}), HasSubstr("more dimensions"));
  EXPECT_THAT(Complaint(std::string(100'000, '{'), 0), HasSubstr("x.safetensors"));
}

TEST(SafetensorsTest, RecognisesForeignFiles) {
  EXPECT_THAT(RawComplaint(std::string("PK\x03\x04\x14\0\0\0\0\0\0\0\0\0", 14)),
              HasSubstr("pickled PyTorch checkpoint"));
  EXPECT_THAT(RawComplaint("\x80\x02}q\x01X\x0a"), HasSubstr("by a PyTorch before 1.6"));
  EXPECT_THAT(RawComplaint("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(RawComplaint("<!DOCTYPE html><html></html>"), HasSubstr("web page"));
  EXPECT_THAT(RawComplaint(std::string("GGUF\x03\0\0\0\0\0", 10)), HasSubstr("GGUF"));
}

// 0x280 is written 80 02, as a pickle begins.
TEST(SafetensorsTest, AcceptsHeaderLengthThatLooksLikePickle) {
  std::string header = "{}";
  header.resize(0x280, ' ');
  EXPECT_EQ(Complaint(header, 0), "accepted");
}

TEST(SafetensorsTest, ReadsManyTensorsQuickly) {
  std::string header = "{";
  for (int i = 0; i < 2500; ++i) {
    absl::StrAppend(&header, i == 0 ? "" : ",", "\"model.diffusion_model.input_blocks.", i,
                    R"(.weight":{"dtype":"F16","shape":[1,1],"data_offsets":[)", 2 * i, ",",
                    2 * i + 2, "]}");
  }
  const std::string file = FileOf(header + "}", 5000);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Parse(file).tensors.size(), 2500u);
  // A few milliseconds; the rest is for sanitizers and busy machines.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(500));
}

class SafetensorsFileTest : public testing::Test {
 protected:
  const std::string path_ =
      absl::StrCat(testing::TempDir(), "/safetensors_test_", getpid(), ".safetensors");
  ~SafetensorsFileTest() override { unlink(path_.c_str()); }
};

TEST_F(SafetensorsFileTest, WritesWhatItReads) {
  const std::string data = "abcdefgh";
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(data.data()), 8);
  std::map<std::string, SafetensorsTensor, std::less<>> tensors;
  tensors["a"] = {ElementType::kUInt8, {3}, bytes.first(3)};
  tensors["b"] = {ElementType::kFloat32, {2, 1}, bytes};
  tensors["empty"] = {ElementType::kInt64, {0}, {}};
  ASSERT_TRUE(WriteSafetensors(path_, tensors, {{"k", "\xc3\xa4"}}).ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("k"), "\xc3\xa4");
  ASSERT_EQ(file->tensors().size(), 3u);
  for (const auto& [name, tensor] : file->tensors()) {
    EXPECT_EQ(tensor.shape, tensors.at(name).shape) << name;
    EXPECT_EQ(tensor.type, tensors.at(name).type) << name;
    EXPECT_EQ(tensor.bytes, tensors.at(name).bytes) << name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes.data()) % ElementSize(tensor.type), 0u);
  }
}

TEST_F(SafetensorsFileTest, RefusesToWriteWrongTensors) {
  std::map<std::string, SafetensorsTensor, std::less<>> tensors;
  tensors["a"] = {ElementType::kFloat32, {2}, {}};
  EXPECT_EQ(WriteSafetensors(path_, tensors).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteSafetensors(path_, {{"__metadata__", {}}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(WriteSafetensors(path_, {}, {{"k", "\xff"}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(SafetensorsFileTest, NamesMissingFile) {
  const auto file = SafetensorsFile::Open(path_);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(path_));
}

TEST(ElementTypeTest, NamesAndSizesAgree) {
  EXPECT_EQ(ParseElementType("F8_E4M3"), ElementType::kFloat8E4M3);
  EXPECT_EQ(ElementTypeName(ElementType::kBFloat16), "BF16");
  EXPECT_EQ(ElementSize(ElementType::kBFloat16), 2u);
  EXPECT_EQ(ElementSize(ElementType::kFloat64), 8u);
  EXPECT_EQ(ParseElementType("f32"), std::nullopt);
}

}  // namespace
}  // namespace patchbay
