#include "host/plugins/tensor_files.h"

#include <ATen/ATen.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/safetensors.h"
#include "host/plugins/host_functions.h"
#include "patchbay/aten.h"

namespace patchbay {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// What a plugin sees of files, through the SDK.
class TensorFilesTest : public testing::Test {
 protected:
  TensorFilesTest()
      : path_(std::filesystem::path(testing::TempDir()) /
              (std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
               ".safetensors")) {
    const auto bytes =
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(values_.data()), sizeof(values_));
    EXPECT_TRUE(WriteSafetensors(path_.string(),
                                 {{"a.weight", {ElementType::kFloat32, {2, 3}, bytes}},
                                  {"b.half", {ElementType::kFloat16, {12}, bytes}},
                                  {"one", {ElementType::kFloat32, {}, bytes.subspan(0, 4)}}},
                                 {{"format", "pt"}})
                    .ok());
  }
  ~TensorFilesTest() override { std::filesystem::remove(path_); }

  void Write(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  TensorFile Open() const { return {&HostFunctions(), path_.string()}; }
  // What the SDK throws while `work` runs.
  template <typename Work>
  static std::string Refusal(const Work& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  const std::array<float, 6> values_ = {1, 2, 3, 4, 5, 6};
  const std::filesystem::path path_;
};

TEST_F(TensorFilesTest, ReadsNamesShapesAndMetadata) {
  const TensorFile file = Open();
  EXPECT_THAT(file.names(), ElementsAre("a.weight", "b.half", "one"));
  EXPECT_TRUE(file.contains("one"));
  EXPECT_FALSE(file.contains("two"));
  EXPECT_THAT(file.shape("a.weight"), ElementsAre(2, 3));
  EXPECT_TRUE(file.shape("one").empty());
  EXPECT_EQ(file.type("b.half"), "F16");
  EXPECT_EQ(file.metadata("format"), "pt");
  EXPECT_EQ(file.metadata("author"), "");
}

TEST_F(TensorFilesTest, ReadsTensorsIntoMemoryOfTheirOwn) {
  at::Tensor read = Open().tensor("a.weight");
  EXPECT_EQ(read.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(read, at::arange(1, 7, at::kFloat).view({2, 3})));
  read.zero_();
  const TensorFile again = Open();
  EXPECT_EQ(again.tensor("a.weight").sum().item<float>(), 21);
  EXPECT_EQ(again.tensor("one").item<float>(), 1);
  EXPECT_EQ(again.tensor("b.half").scalar_type(), at::kHalf);
}

TEST_F(TensorFilesTest, NamesFileAndTensor) {
  const TensorFile file = Open();
  EXPECT_THAT(Refusal([&] { file.tensor("a.weigth"); }),
              AllOf(HasSubstr(path_.string()), HasSubstr("no tensor \"a.weigth\""),
                    HasSubstr("the nearest is \"a.weight\"")));
  EXPECT_THAT(Refusal([&] { file.shape("c"); }),
              AllOf(HasSubstr(path_.string()), HasSubstr("no tensor \"c\"")));
}

TEST_F(TensorFilesTest, RefusesWhatIsNoFileOfTensors) {
  Write(std::string("PK\x03\x04 and so on", 14));
  EXPECT_THAT(Refusal([&] { Open(); }),
              AllOf(HasSubstr(path_.string()), HasSubstr("pickled PyTorch checkpoint")));
  Write(std::string("\x80\x02}q\x01", 5));
  EXPECT_THAT(Refusal([&] { Open(); }), HasSubstr("by a PyTorch before 1.6"));
  Write("");
  EXPECT_THAT(Refusal([&] { Open(); }), HasSubstr("truncated"));
  EXPECT_THAT(Refusal([&] { TensorFile(&HostFunctions(), "/nowhere/x.safetensors"); }),
              HasSubstr("/nowhere/x.safetensors"));
  EXPECT_THAT(Refusal([&] { TensorFile(&HostFunctions(), "/tmp"); }), HasSubstr("a folder"));
  EXPECT_THAT(Refusal([&] { TensorFile(&HostFunctions(), ""); }), HasSubstr("none was given"));
}

TEST_F(TensorFilesTest, NoticesThatTheFileWasChanged) {
  const TensorFile file = Open();
  std::filesystem::last_write_time(
      path_, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_NE(Refusal([&] { file.tensor("one"); }), "");
}

TEST_F(TensorFilesTest, SaysWhenTheHostIsTooOld) {
  patchbay_host old = HostFunctions();
  old.extension = [](const patchbay_host*, const char*) -> const void* { return nullptr; };
  EXPECT_THAT(Refusal([&] { TensorFile(&old, path_.string()); }), HasSubstr("this host reads no"));
}

}  // namespace
}  // namespace patchbay
