#include "host/plugins/plugin_store.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/plugins/testing/plugin_folder.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

PluginStore NewStore(const std::string& name) {
  auto store = PluginStore::Open(EmptyFolder(name));
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

size_t EntryCount(const std::string& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(folder)) ++count;
  return count;
}

TEST(PluginStoreTest, InstallsUnderTheContentsName) {
  const PluginStore store = NewStore("store");
  const auto plugin = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  EXPECT_EQ(plugin->folder, store.folder() + "/test-plain/" + plugin->manifest.sha256);
  EXPECT_EQ(ReadText(plugin->library_path), ReadText(BuiltLibrary("test-plain")));
  EXPECT_EQ(ReadText(plugin->folder + "/plugin.json"),
            ReadText(BuiltPlugin("test-plain") + "/plugin.json"));
  // id, digest, library, manifest, and nothing temporary.
  EXPECT_EQ(EntryCount(store.folder()), 4);
  // Nobody writes to it by mistake.
  EXPECT_EQ(fs::status(plugin->library_path).permissions() & fs::perms::owner_write,
            fs::perms::none);
}

TEST(PluginStoreTest, LeavesABuildThatIsThereAsItIs) {
  const PluginStore store = NewStore("store-twice");
  const auto first = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(first.ok()) << first.status();
  struct stat before {};
  ASSERT_EQ(stat(first->library_path.c_str(), &before), 0);
  const auto second = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(second.ok()) << second.status();
  struct stat after {};
  ASSERT_EQ(stat(second->library_path.c_str(), &after), 0);
  EXPECT_EQ(first->library_path, second->library_path);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(EntryCount(store.folder()), 4);
}

TEST(PluginStoreTest, AsksBeforeACopyTakesItsPlace) {
  const PluginStore store = NewStore("store-check");
  const auto first = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(first.ok()) << first.status();
  nlohmann::json manifest = ManifestFor("test-plain");
  manifest["version"] = "9.9.9";
  const std::string other = MakePluginFolder("other-manifest", "test-plain", manifest);
  std::string asked_about;
  const auto refused = store.Install(other, [&](const InstalledPlugin& copy) {
    asked_about = copy.manifest.description.version;
    EXPECT_EQ(ReadText(copy.library_path), ReadText(BuiltLibrary("test-plain")));
    return absl::FailedPreconditionError("no");
  });
  EXPECT_EQ(refused.status().message(), "no");
  EXPECT_EQ(asked_about, "9.9.9");
  EXPECT_EQ(ReadPluginFolder(first->folder)->manifest.description.version,
            first->manifest.description.version);
  EXPECT_EQ(EntryCount(store.folder()), 4);
  // The same library with a manifest that is taken: the manifest is the new one.
  const auto taken = store.Install(other, [](const InstalledPlugin&) { return absl::OkStatus(); });
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->manifest.description.version, "9.9.9");
  EXPECT_EQ(EntryCount(store.folder()), 4);
}

TEST(PluginStoreTest, ReplacesADamagedBuildByANewFile) {
  const PluginStore store = NewStore("store-damaged");
  const auto first = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(first.ok()) << first.status();
  // Whoever has the old file open or mapped keeps it.
  std::ifstream old(first->library_path, std::ios::binary);
  fs::permissions(first->library_path, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(first->library_path, std::ios::binary | std::ios::app) << "damage";
  const auto second = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(ReadText(second->library_path), ReadText(BuiltLibrary("test-plain")));
  const std::string kept{std::istreambuf_iterator<char>(old), {}};
  EXPECT_EQ(kept, ReadText(BuiltLibrary("test-plain")) + "damage");
  EXPECT_EQ(EntryCount(store.folder()), 4);
}

TEST(PluginStoreTest, RefusesALibraryThatIsNotTheManifests) {
  const PluginStore store = NewStore("store-lies");
  nlohmann::json manifest = ManifestFor("test-plain");
  manifest["sha256"] = std::string(64, 'a');
  const auto lying = store.Install(MakePluginFolder("lying", "test-plain", manifest));
  EXPECT_EQ(lying.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(lying.status().message()), HasSubstr("its manifest says aaaa"));

  const std::string folder = MakePluginFolder("cut", "test-plain", ManifestFor("test-plain"));
  fs::resize_file(folder + "/test-plain.so", 1000);
  EXPECT_EQ(store.Install(folder).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(EntryCount(store.folder()), 0);
}

TEST(PluginStoreTest, StaysWithinItsFolder) {
  const PluginStore store = NewStore("store-paths");
  WriteText(EmptyFolder("outside") + "/x.so", "x");
  for (const char* library : {"../outside/x.so", "/etc/passwd", "..", ".hidden", "a\\b", ""}) {
    nlohmann::json manifest = ManifestFor("test-plain");
    manifest["library"] = library;
    const auto status = store.Install(MakePluginFolder("paths", "test-plain", manifest)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << library;
    EXPECT_THAT(std::string(status.message()), HasSubstr("without folders")) << library;
  }
  for (const char* id : {"../x", "a/b", ".", "", "Upper", "a--b", "-a", "a-"}) {
    nlohmann::json manifest = ManifestFor("test-plain");
    manifest["id"] = id;
    const auto status = store.Install(MakePluginFolder("paths", "test-plain", manifest)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << id;
    EXPECT_THAT(std::string(status.message()), HasSubstr("a plugin's id must be")) << id;
  }
  EXPECT_EQ(EntryCount(store.folder()), 0);
}

TEST(PluginStoreTest, SaysWhatIsMissing) {
  const PluginStore store = NewStore("store-missing");
  EXPECT_EQ(store.Install(EmptyFolder("nothing")).status().code(), absl::StatusCode::kNotFound);
  const std::string folder = MakePluginFolder("alone", "test-plain", ManifestFor("test-plain"));
  fs::remove(folder + "/test-plain.so");
  const auto status = store.Install(folder).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("test-plain.so"));
}

TEST(PluginStoreTest, FindsTheLastBuildAndAnyByItsDigest) {
  const PluginStore store = NewStore("store-find");
  const auto old = store.Install(BuiltPlugin("test-plain"));
  nlohmann::json manifest = ManifestFor("bad-version");
  manifest["id"] = "test-plain";
  const auto latest = store.Install(MakePluginFolder("other", "bad-version", manifest));
  ASSERT_TRUE(old.ok() && latest.ok());
  EXPECT_EQ(store.Find("test-plain")->manifest.sha256, latest->manifest.sha256);
  EXPECT_EQ(store.Find(old->manifest.sha256.substr(0, 12))->folder, old->folder);
  EXPECT_EQ(store.List()->plugins.size(), 2);
  // Going back is installing again.
  ASSERT_TRUE(store.Install(BuiltPlugin("test-plain")).ok());
  EXPECT_EQ(store.Find("test-plain")->manifest.sha256, old->manifest.sha256);

  EXPECT_THAT(std::string(store.Find("test-plan").status().message()),
              HasSubstr("did you mean \"test-plain\"?"));
  EXPECT_EQ(store.Find("0123456789").status().code(), absl::StatusCode::kNotFound);

  ASSERT_EQ(store.Remove(*old), absl::OkStatus());
  EXPECT_EQ(store.Find("test-plain")->manifest.sha256, latest->manifest.sha256);
  ASSERT_EQ(store.Remove(*latest), absl::OkStatus());
  EXPECT_EQ(EntryCount(store.folder()), 0);
}

TEST(PluginStoreTest, ListsWhatIsWholeAndNamesWhatIsNot) {
  const PluginStore store = NewStore("store-list");
  const auto plugin = store.Install(BuiltPlugin("test-plain"));
  ASSERT_TRUE(plugin.ok());
  fs::create_directories(store.folder() + "/broken/0123");
  WriteText(store.folder() + "/broken/0123/plugin.json", "{");
  fs::copy(plugin->folder, store.folder() + "/broken/4567", fs::copy_options::recursive);
  const auto contents = store.List();
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->plugins.size(), 1);
  ASSERT_EQ(contents->problems.size(), 2);
  EXPECT_THAT(contents->problems[0], HasSubstr("broken/0123/plugin.json: is not JSON"));
  EXPECT_THAT(contents->problems[1], HasSubstr("its manifest is another plugin's"));
}

TEST(PluginStoreTest, ClearsWhatWasLeftLongAgo) {
  const std::string folder = EmptyFolder("store-litter");
  const std::string old = folder + "/.installing-old";
  const std::string young = folder + "/.installing-young";
  fs::create_directories(old + "/inner");
  fs::create_directories(young);
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(2));
  ASSERT_TRUE(PluginStore::Open(folder).ok());
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(young));
}

}  // namespace
}  // namespace patchbay
