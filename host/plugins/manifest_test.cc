#include "host/plugins/manifest.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json Field(const std::string& id, int number) {
  return {{"id", id},
          {"number", number},
          {"type", "double"},
          {"label", ""},
          {"help", ""},
          {"group", ""},
          {"unit", "none"},
          {"default", "0.5"},
          {"visible_if", ""},
          {"flags", json::array()},
          {"minimum", 0.0},
          {"maximum", 1.0},
          {"soft_minimum", 0.0},
          {"soft_maximum", 1.0},
          {"step", 0.1}};
}

json Good() {
  json choice = Field("way", 2);
  choice.merge_patch({{"type", "choice"},
                      {"default", "a"},
                      {"minimum", nullptr},
                      {"maximum", nullptr},
                      {"soft_minimum", nullptr},
                      {"soft_maximum", nullptr},
                      {"step", nullptr}});
  choice["choices"] = {{{"id", "a"}, {"label", "A"}}, {{"id", "b"}, {"label", "B"}}};
  json factor = Field("factor", 1);
  factor["visible_if"] = "way=b";
  factor["flags"] = {"advanced", "deprecated"};
  return {{"format", 1},
          {"id", "good"},
          {"title", "Good"},
          {"version", "1.2.3"},
          {"summary", ""},
          {"source", ""},
          {"licence", "MIT"},
          {"abi", {{"major", 1}, {"minor", 0}}},
          {"tier", "plain"},
          {"fingerprint", ""},
          {"phase", "early"},
          {"required_hooks", {"patchbay.hook.guidance/1"}},
          {"families", {"sd1", "sdxl"}},
          {"flags", {"repeatable"}},
          {"before", json::array()},
          {"after", {"other"}},
          {"conflicts", json::array()},
          {"fields", {factor, choice}},
          {"actions",
           {{{"id", "calibrate"}, {"title", "T"}, {"help", ""}, {"fields", {Field("images", 1)}}}}},
          {"library", "good.so"},
          {"sha256", std::string(64, '0')}};
}

TEST(ManifestTest, ReadsEverything) {
  const auto manifest = ParseManifest(Good().dump(), "plugin.json");
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  const PluginDescription& description = manifest->description;
  EXPECT_EQ(description.version, "1.2.3");
  EXPECT_EQ(description.phase, PATCHBAY_PHASE_EARLY);
  EXPECT_EQ(description.after, std::vector<std::string>{"other"});
  EXPECT_EQ(description.families,
            (std::vector<patchbay_model_family>{PATCHBAY_MODEL_SD1, PATCHBAY_MODEL_SDXL}));
  EXPECT_EQ(description.flags, PATCHBAY_PLUGIN_REPEATABLE);
  ASSERT_EQ(description.fields.size(), 2);
  EXPECT_EQ(description.fields[0].flags, PATCHBAY_FIELD_ADVANCED | PATCHBAY_FIELD_DEPRECATED);
  EXPECT_EQ(description.fields[0].step, 0.1);
  ASSERT_EQ(description.fields[1].choices.size(), 2);
  EXPECT_EQ(description.fields[1].choices[1].label, "B");
  ASSERT_EQ(description.actions.size(), 1);
  EXPECT_EQ(description.actions[0].fields[0].id, "images");
  EXPECT_EQ(manifest->tier, PATCHBAY_TIER_PLAIN);
  EXPECT_EQ(manifest->library, "good.so");
}

TEST(ManifestTest, RefusesWithTheReason) {
  const struct {
    std::function<void(json&)> change;
    const char* message;
  } cases[] = {
      {[](json& m) { m.erase("tier"); }, "the manifest: \"tier\" is missing"},
      {[](json& m) { m["format"] = 2; }, "its format is not 1"},
      {[](json& m) { m["titl"] = ""; }, "\"titl\" is unknown; did you mean \"title\"?"},
      {[](json& m) { m["tier"] = "exactly"; }, "\"tier\" is \"exactly\""},
      {[](json& m) { m["title"] = 7; }, "\"title\" must be a string"},
      {[](json& m) { m["title"] = std::string(70000, 'x'); }, "\"title\" has 70000 bytes"},
      {[](json& m) { m["before"] = "x"; }, "\"before\" must be an array"},
      {[](json& m) { m["before"] = {1}; }, "\"before\" must hold strings only"},
      {[](json& m) { m["before"] = {"Not An Id"}; }, "\"Not An Id\" is not a plugin's id"},
      {[](json& m) { m["conflicts"] = {"good"}; }, "it names itself"},
      {[](json& m) { m["families"] = {"sd3"}; }, "\"families\" is \"sd3\""},
      {[](json& m) { m["flags"] = {"repeated"}; }, "\"flags\" is \"repeated\""},
      {[](json& m) { m["abi"]["major"] = -1; }, "the manifest, abi: \"major\" must be a whole"},
      {[](json& m) { m["abi"]["patch"] = 1; }, "abi: \"patch\" is unknown"},
      {[](json& m) { m["abi"] = 1; }, "the manifest, abi must be an object"},
      {[](json& m) { m["version"] = "1.2"; }, "must be three numbers"},
      {[](json& m) { m["version"] = "1.02.3"; }, "must be three numbers"},
      {[](json& m) { m["sha256"] = std::string(64, 'A'); }, "64 lower-case hexadecimal digits"},
      {[](json& m) { m["sha256"] = "ab"; }, "64 lower-case hexadecimal digits"},
      {[](json& m) { m["fields"] = json::object(); }, "\"fields\" must be an array"},
      {[](json& m) { m["fields"][0] = 1; }, "fields[0] must be an object"},
      {[](json& m) { m["fields"][0]["number"] = 2; }, "number 2 is another field's"},
      {[](json& m) { m["fields"][0]["number"] = 0; }, "\"number\" must be a whole number in 1.."},
      {[](json& m) { m["fields"][0]["id"] = "way"; }, "field \"way\""},
      {[](json& m) { m["fields"][0]["id"] = "Way"; }, "a field's id must be"},
      {[](json& m) { m["fields"][0]["minimum"] = 2.0; }, "its minimum is above its maximum"},
      {[](json& m) { m["fields"][0]["soft_maximum"] = 2.0; }, "its soft range is not within"},
      {[](json& m) { m["fields"][0]["maximum"] = nullptr; }, "\"maximum\" must be a finite number"},
      {[](json& m) { m["fields"][0]["default"] = "7"; }, "its default is not valid"},
      {[](json& m) { m["fields"][0]["visible_if"] = "way=c"; }, "visible_if: setting \"way\""},
      {[](json& m) { m["fields"][0]["visible_if"] = "gone=1"; }, "with another field"},
      {[](json& m) { m["fields"][1]["choices"] = json::array(); }, "it has no choices"},
      {[](json& m) { m["fields"][1]["choices"][1]["id"] = "a"; }, "choice \"a\" is there twice"},
      {[](json& m) { m["actions"][0]["id"] = "A b"; }, "an action's id must be"},
      {[](json& m) { m["actions"][0]["fields"][0]["default"] = "x"; },
       "action \"calibrate\", field"},
  };
  for (const auto& c : cases) {
    json manifest = Good();
    c.change(manifest);
    const auto read = ParseManifest(manifest.dump(), "a/plugin.json");
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("a/plugin.json: "));
  }
}

TEST(ManifestTest, RefusesTextsThatAreNoManifest) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"", "is not JSON"},
      {"{", "is not JSON"},
      {"[]", "the manifest must be an object"},
      {"{\"id\": \"a\", \"id\": \"b\"}", "has \"id\" twice in one object"},
      {std::string(100000, '['), "is nested deeper than 8"},
      {std::string(kMaxManifestBytes + 1, ' '), "bytes; at most 1048576 are accepted"},
      {"{\"id\": \"\xff\"}", "is not JSON"},
  };
  for (const auto& c : cases) {
    const auto read = ParseManifest(c.text, "m");
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace patchbay
