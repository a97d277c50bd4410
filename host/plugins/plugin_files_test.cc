#include "host/plugins/plugin_files.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/formats/picture.h"
#include "host/runtime/hooks/tensor_handle.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PluginFilesTest : public testing::Test {
 protected:
  PluginFilesTest()
      : root_(fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "folder/inner");
    Write("folder/plan.json", "{}");
    Write("secret.txt", "secret");
  }
  ~PluginFilesTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(root_ / name, std::ios::binary) << bytes;
  }
  std::string At(const std::string& name) const { return (root_ / name).string(); }
  PluginFiles Files(const std::vector<PluginFile>& from_request = {}) const {
    return {from_request, At("folder")};
  }

  const fs::path root_;
};

std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

TEST_F(PluginFilesTest, TheRequestComesBeforeTheFolder) {
  const auto of_folder = Files().Find("plan.json");
  ASSERT_TRUE(of_folder.ok()) << of_folder.status();
  EXPECT_EQ(of_folder->path, fs::canonical(root_ / "folder/plan.json").string());
  Write("other.json", "[]");
  const auto of_request = Files({{"plan.json", At("other.json")}}).Find("plan.json");
  ASSERT_TRUE(of_request.ok()) << of_request.status();
  EXPECT_EQ(of_request->path, At("other.json"));
}

TEST_F(PluginFilesTest, NothingLeadsOutOfTheFolder) {
  fs::create_symlink(root_ / "secret.txt", root_ / "folder/link");
  fs::create_directory_symlink(root_, root_ / "folder/up");
  fs::create_symlink(root_ / "folder/plan.json", root_ / "folder/inside");
  EXPECT_TRUE(Files().Find("inside").ok());
  for (const char* name : {"link", "up", "inner", "../secret.txt", "up/secret.txt", ".", "..", "",
                           "/etc/passwd", ".hidden", "inner/../plan.json"}) {
    const auto found = Files().Find(name);
    EXPECT_EQ(found.status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(Files().Find(std::string("plan.json\0x", 11)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(PluginFilesTest, SaysWhatIsMissingAndWhatToDo) {
  EXPECT_THAT(MessageOf(Files().Check({"plan", "pan.json", false})),
              HasSubstr("setting \"plan\": there is no file \"pan.json\"; send it with the "
                        "request, or put it into the server's folder"));
  EXPECT_THAT(MessageOf(PluginFiles({}, "").Check({"plan", "plan.json", false})),
              HasSubstr("serve --plugin-files"));
  EXPECT_TRUE(Files().Check({"plan", "plan.json", false}).ok());
  const absl::Status no_picture = Files().Check({"image", "plan.json", true});
  EXPECT_EQ(no_picture.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(MessageOf(no_picture), HasSubstr("setting \"image\": \"plan.json\": "));
  // A file that went between submission and drawing.
  EXPECT_FALSE(Files({{"gone.png", At("gone.png")}}).Check({"image", "gone.png", true}).ok());
}

TEST_F(PluginFilesTest, IdentitiesTellContentsApart) {
  const FileSetting plan{"plan", "plan.json", false};
  const std::string before = *Files().IdentityOf(plan);
  EXPECT_EQ(*Files().IdentityOf(plan), before);
  // Another file of the same size and time under the name, as `mv` puts it there.
  const auto time = fs::last_write_time(root_ / "folder/plan.json");
  Write("new", "[]");
  fs::last_write_time(root_ / "new", time);
  fs::rename(root_ / "new", root_ / "folder/plan.json");
  const std::string replaced = *Files().IdentityOf(plan);
  EXPECT_NE(replaced, before);
  Write("folder/plan.json", "{ }");
  EXPECT_NE(*Files().IdentityOf(plan), replaced);
  // Known contents are the same wherever they lie.
  EXPECT_EQ(*Files({{"plan.json", At("a"), "0123"}}).IdentityOf(plan),
            *Files({{"plan.json", At("b"), "0123"}}).IdentityOf(plan));
}

at::Tensor Read(const PluginFiles& files, const std::string& name) {
  const auto handle = files.Resources().picture(name, /*whole_clip=*/false);
  EXPECT_TRUE(handle.ok()) << handle.status();
  return handle.ok() ? Borrowed(handle->get()).clone() : at::Tensor();
}

TEST_F(PluginFilesTest, PicturesBecomeColoursAndOpacity) {
  const struct {
    int channels;
    std::vector<uint8_t> pixels;  // two, side by side
    std::vector<float> rgba;      // channel by channel
  } cases[] = {
      {1, {0, 255}, {0, 1, 0, 1, 0, 1, 1, 1}},
      {3, {255, 0, 51, 0, 255, 102}, {1, 0, 0, 1, 0.2F, 0.4F, 1, 1}},
      {4, {255, 0, 51, 0, 0, 255, 102, 255}, {1, 0, 0, 1, 0.2F, 0.4F, 0, 1}},
  };
  for (const auto& c : cases) {
    const auto png = EncodePng({2, 1, c.channels, c.pixels});
    ASSERT_TRUE(png.ok()) << png.status();
    Write("folder/p.png", *png);
    const at::Tensor tensor = Read(Files(), "p.png");
    ASSERT_TRUE(tensor.defined());
    EXPECT_EQ(tensor.sizes(), at::IntArrayRef({1, 4, 1, 2}));
    EXPECT_TRUE(at::allclose(tensor.flatten(), at::tensor(c.rgba))) << c.channels << tensor;
  }
}

TEST_F(PluginFilesTest, PathsAreAbsolute) {
  const auto resources = Files({{"here", "relative.bin"}}).Resources();
  EXPECT_EQ(*resources.file("here"), (fs::current_path() / "relative.bin").string());
}

}  // namespace
}  // namespace patchbay
