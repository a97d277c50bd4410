#include "host/plugins/plugin_library.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/base/sha256.h"
#include "host/plugins/mapped_library.h"
#include "host/plugins/testing/plugin_folder.h"

namespace patchbay {
namespace {

using testing::HasSubstr;
using UnloadResult = PluginLibrary::UnloadResult;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr UnloadResult kGone = UnloadResult::kNotTried;
#else
constexpr UnloadResult kGone = UnloadResult::kUnmapped;
#endif

InstalledPlugin Read(const std::string& folder) {
  const auto plugin = ReadPluginFolder(folder);
  EXPECT_TRUE(plugin.ok()) << plugin.status();
  return plugin.value_or(InstalledPlugin());
}

bool IsInMaps(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(path) != std::string::npos) return true;
  }
  return false;
}

// The error of loading a test plugin under a manifest that is right but for `changes`.
absl::Status LoadError(const std::string& id, const nlohmann::json& changes = {}) {
  nlohmann::json manifest = ManifestFor(id);
  if (!changes.is_null()) manifest.update(changes);
  const InstalledPlugin plugin = Read(MakePluginFolder("load-" + id, id, manifest));
  auto library = PluginLibrary::Load(plugin, ThisHostAbi());
  EXPECT_FALSE(library.ok()) << id;
  if (kGone == UnloadResult::kUnmapped) {
    EXPECT_FALSE(IsInMaps(plugin.library_path)) << id;
  }
  return library.status();
}

TEST(PluginLibraryTest, LoadsAndUnmapsAPluginInC) {
  const InstalledPlugin plugin =
      Read(MakePluginFolder("plain", "test-plain", ManifestFor("test-plain")));
  auto library = PluginLibrary::Load(plugin, ThisHostAbi());
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ((*library)->description().id, "test-plain");
  EXPECT_TRUE(IsInMaps(plugin.library_path));
  ASSERT_EQ((*library)->description().fields.size(), 2);
  EXPECT_EQ((*library)->description().fields[0].maximum, 2.0);

  patchbay_host host{};
  host.struct_size = sizeof(host);
  patchbay_error error{};
  error.struct_size = sizeof(error);
  patchbay_instance* instance = nullptr;
  ASSERT_EQ((*library)->functions().create(&host, nullptr, 0, &instance, &error), PATCHBAY_OK);
  (*library)->functions().destroy(instance);

  EXPECT_EQ(PluginLibrary::Unload(*std::move(library)), kGone);
  EXPECT_EQ(IsInMaps(plugin.library_path), kGone == UnloadResult::kNotTried);
}

TEST(PluginLibraryTest, LoadsAndUnmapsPluginsInCppAgainAndAgain) {
  for (const char* id : {"test-exact", "test-stable"}) {
    const InstalledPlugin plugin = Read(BuiltPlugin(id));
    for (int i = 0; i < 3; ++i) {
      auto library = PluginLibrary::Load(plugin, ThisHostAbi());
      ASSERT_TRUE(library.ok()) << library.status();
      EXPECT_EQ(PluginLibrary::Unload(*std::move(library)), kGone) << id;
      EXPECT_EQ(IsInMaps(plugin.library_path), kGone == UnloadResult::kNotTried) << id;
    }
  }
}

TEST(PluginLibraryTest, StaysMappedWhenItIsNotUnloaded) {
  const InstalledPlugin plugin =
      Read(MakePluginFolder("resident", "test-plain", ManifestFor("test-plain")));
  auto library = PluginLibrary::Load(plugin, ThisHostAbi());
  ASSERT_TRUE(library.ok()) << library.status();
  const auto descriptor = (*library)->functions().descriptor;
  library->reset();
  EXPECT_TRUE(IsInMaps(plugin.library_path));
  EXPECT_STREQ(descriptor()->id, "test-plain");
}

TEST(PluginLibraryTest, SaysWhenTheSystemKeepsALibrary) {
  if (kGone == UnloadResult::kNotTried) GTEST_SKIP() << "sanitizer builds never unmap";
  const InstalledPlugin plugin =
      Read(MakePluginFolder("kept", "bad-thread-local", ManifestFor("bad-thread-local")));
  auto manifest = plugin;
  manifest.manifest.description.title = "";
  auto library = PluginLibrary::Load(manifest, ThisHostAbi());
  ASSERT_TRUE(library.ok()) << library.status();
  EXPECT_EQ(PluginLibrary::Unload(*std::move(library)), UnloadResult::kStillMapped);
  EXPECT_TRUE(IsInMaps(plugin.library_path));
}

TEST(PluginLibraryTest, RefusesWhatIsNoPlugin) {
  EXPECT_THAT(std::string(LoadError("bad-magic").message()),
              HasSubstr("does not begin with the magic number"));
  EXPECT_THAT(std::string(LoadError("bad-symbol").message()),
              HasSubstr("exports no patchbay_plugin"));
  EXPECT_THAT(std::string(LoadError("bad-descriptor").message()),
              HasSubstr("could not describe itself"));
}

TEST(PluginLibraryTest, RefusesAnotherAbi) {
  // The manifest is right about 1.0, the library lies.
  EXPECT_THAT(std::string(LoadError("bad-minor").message()),
              HasSubstr("built for ABI 1.99; this host serves 1.0 to 1.0"));
  // The manifest alone is enough to refuse; the library would be fine.
  EXPECT_THAT(
      std::string(LoadError("test-plain", {{"abi", {{"major", 2}, {"minor", 0}}}}).message()),
      HasSubstr("built for ABI 2.0"));
}

TEST(PluginLibraryTest, RefusesAnotherBuild) {
  const absl::Status status =
      LoadError("bad-fingerprint", {{"tier", "exact"}, {"fingerprint", "gcc-3 libtorch-0.1"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"gcc-3 libtorch-0.1\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr(ThisHostAbi().fingerprint));
  // A manifest that claims to fit does not help.
  EXPECT_THAT(std::string(LoadError("bad-fingerprint",
                                    {{"tier", "exact"}, {"fingerprint", ThisHostAbi().fingerprint}})
                              .message()),
              HasSubstr("\"gcc-3 libtorch-0.1\""));
}

TEST(PluginLibraryTest, RefusesALibraryUnlikeItsManifest) {
  EXPECT_THAT(std::string(LoadError("bad-version").message()),
              HasSubstr("differs from its manifest in: version (\"1.0.0\", \"9.9.9\")"));
  nlohmann::json manifest = ManifestFor("test-plain");
  manifest["fields"][0]["maximum"] = 3.0;
  EXPECT_THAT(std::string(LoadError("test-plain", manifest).message()),
              HasSubstr("differs from its manifest in: field \"factor\": range"));
  EXPECT_THAT(
      std::string(LoadError("test-plain", {{"tier", "stable"}, {"fingerprint", "2.0"}}).message()),
      HasSubstr("differs from its manifest in: tier"));
}

TEST(PluginLibraryTest, RefusesAFileThatHasChangedSince) {
  const std::string folder = MakePluginFolder("changed", "test-plain", ManifestFor("test-plain"));
  const InstalledPlugin plugin = Read(folder);
  std::ofstream(plugin.library_path, std::ios::binary | std::ios::app) << "more";
  const auto library = PluginLibrary::Load(plugin, ThisHostAbi());
  EXPECT_EQ(library.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(library.status().message()), HasSubstr("the library is damaged"));
}

TEST(PluginLibraryTest, SaysWhatTheLoaderSays) {
  const std::string folder = MakePluginFolder("truncated", "test-plain", ManifestFor("test-plain"));
  std::filesystem::resize_file(folder + "/test-plain.so", 40);
  nlohmann::json manifest = ManifestFor("test-plain");
  manifest["sha256"] = Sha256OfFile(folder + "/test-plain.so").value_or("");
  WriteText(folder + "/plugin.json", manifest.dump());
  const auto library = PluginLibrary::Load(Read(folder), ThisHostAbi());
  EXPECT_EQ(library.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(library.status().message()), HasSubstr("file too short"));
  EXPECT_THAT(std::string(library.status().message()), testing::Not(HasSubstr("boost")));
}

// Without the check, the loader gives out the old library under the new one's name.
TEST(PluginLibraryTest, NoticesAFileThatWasReplacedWhileItIsLoaded) {
  const std::string folder = MakePluginFolder("replaced", "test-plain", ManifestFor("test-plain"));
  auto old = PluginLibrary::Load(Read(folder), ThisHostAbi());
  ASSERT_TRUE(old.ok()) << old.status();

  nlohmann::json manifest = ManifestFor("bad-version");
  manifest["library"] = "test-plain.so";
  std::filesystem::copy_file(BuiltLibrary("bad-version"), folder + "/new");
  std::filesystem::rename(folder + "/new", folder + "/test-plain.so");
  WriteText(folder + "/plugin.json", manifest.dump());
  const auto replaced = PluginLibrary::Load(Read(folder), ThisHostAbi());
  EXPECT_THAT(std::string(replaced.status().message()),
              HasSubstr("still has another build mapped"));
  EXPECT_STREQ((*old)->functions().descriptor()->id, "test-plain");
}

}  // namespace
}  // namespace patchbay
