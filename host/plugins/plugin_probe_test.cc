#include "host/plugins/plugin_probe.h"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/base/sha256.h"
#include "host/plugins/testing/plugin_folder.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

ProbeOptions Options() { return {MANIFEST_PROGRAM, LoadedLibTorchFolder()}; }

absl::Status Probe(const std::string& folder, const ProbeOptions& options = Options()) {
  const auto plugin = ReadPluginFolder(folder);
  return plugin.ok() ? ProbePlugin(*plugin, options) : plugin.status();
}

absl::Status ProbeBad(const std::string& id, const ProbeOptions& options = Options()) {
  return Probe(MakePluginFolder("probe-" + id, id, ManifestFor(id)), options);
}

TEST(PluginProbeTest, AcceptsEveryTier) {
  for (const char* id : {"test-plain", "test-exact", "test-stable"}) {
    EXPECT_EQ(Probe(BuiltPlugin(id)), absl::OkStatus()) << id;
  }
}

TEST(PluginProbeTest, SurvivesACrash) {
  const absl::Status status = ProbeBad("bad-crash");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("it crashed when it was loaded (Aborted)"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("about to crash"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("plugin \"bad-crash\""));
}

TEST(PluginProbeTest, DoesNotWaitForever) {
  ProbeOptions options = Options();
  options.time_limit = std::chrono::milliseconds(300);
  const absl::Status status = ProbeBad("bad-hang", options);
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not done after 300 ms"));
}

TEST(PluginProbeTest, NoticesALibraryThatEndsTheProcess) {
  EXPECT_THAT(std::string(ProbeBad("bad-exit").message()),
              HasSubstr("it ended the process that loaded it"));
}

TEST(PluginProbeTest, SaysWhyAPluginWasRefused) {
  EXPECT_THAT(std::string(ProbeBad("bad-magic").message()), HasSubstr("magic number"));
  EXPECT_THAT(std::string(ProbeBad("bad-minor").message()), HasSubstr("ABI is 1.99"));
  EXPECT_THAT(std::string(ProbeBad("bad-symbol").message()),
              HasSubstr("exports no patchbay_plugin"));
  EXPECT_THAT(std::string(ProbeBad("bad-version").message()),
              HasSubstr("differs from its manifest in: version"));
}

// The loader maps what is not there, and touching it ends the process.
TEST(PluginProbeTest, SurvivesHalfALibrary) {
  const std::string folder = MakePluginFolder("half", "test-exact", ManifestFor("test-exact"));
  const std::string library = folder + "/test-exact.so";
  std::filesystem::resize_file(library, std::filesystem::file_size(library) / 8);
  nlohmann::json manifest = ManifestFor("test-exact");
  manifest["sha256"] = Sha256OfFile(library).value_or("");
  WriteText(folder + "/plugin.json", manifest.dump());
  const absl::Status status = Probe(folder);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
}

TEST(PluginProbeTest, SaysWhenTheProgramIsMissing) {
  ProbeOptions options = Options();
  options.program = "/nonexistent/program";
  const absl::Status status = Probe(BuiltPlugin("test-plain"), options);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/program"));
}

}  // namespace
}  // namespace patchbay
