#include "host/plugins/plugin_catalogue.h"

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Sha(char digit) { return std::string(64, digit); }

PluginCatalogue::Build Build(const std::string& id, char digit) {
  PluginCatalogue::Build build;
  build.plugin.manifest.description.id = id;
  build.plugin.manifest.sha256 = Sha(digit);
  return build;
}

std::string Found(const PluginCatalogue& catalogue, const std::string& id,
                  const std::string& digits = "") {
  const auto build = catalogue.Find(id, digits);
  if (!build.ok()) return std::string(build.status().message());
  return build->plugin.manifest.sha256.substr(0, 1);
}

class PluginCatalogueTest : public testing::Test {
 protected:
  PluginCatalogueTest() {
    catalogue_.AddOldest(Build("swap", '2'));
    catalogue_.AddOldest(Build("swap", '1'));
    catalogue_.AddOldest(Build("pag", '9'));
  }
  PluginCatalogue catalogue_;
};

TEST_F(PluginCatalogueTest, FindsTheNewestUntilOneWasActive) {
  EXPECT_EQ(Found(catalogue_, "swap"), "2");
  catalogue_.AddNewest(Build("swap", '3'));
  EXPECT_EQ(Found(catalogue_, "swap"), "3");
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('1'), {}}).ok());
  EXPECT_EQ(Found(catalogue_, "swap"), "1");
  ASSERT_TRUE(catalogue_.Retire("swap").ok());
  EXPECT_EQ(Found(catalogue_, "swap"), "1");
}

TEST_F(PluginCatalogueTest, FindsBuildsByTheirFirstDigits) {
  EXPECT_EQ(Found(catalogue_, "swap", "11111111"), "1");
  EXPECT_THAT(Found(catalogue_, "swap", "1111111"), HasSubstr("8 or more digits"));
  EXPECT_THAT(Found(catalogue_, "swap", "44444444"),
              HasSubstr("no build 44444444; there are 222222222222, 111111111111"));
  EXPECT_THAT(Found(catalogue_, "swop"), HasSubstr("did you mean swap?"));
}

TEST_F(PluginCatalogueTest, KeepsOneBuildOfOneName) {
  catalogue_.AddOldest(Build("swap", '2'));
  catalogue_.AddNewest(Build("swap", '1'));
  EXPECT_EQ(catalogue_.plugins().at("swap").size(), 2u);
  EXPECT_EQ(Found(catalogue_, "swap"), "1");
}

TEST_F(PluginCatalogueTest, RollsBackAndForth) {
  EXPECT_FALSE(catalogue_.RollBack("swap").ok());
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('1'), {{"strength", "0.5"}}}).ok());
  // Other settings are no other build.
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('1'), {{"strength", "0.7"}}}).ok());
  EXPECT_FALSE(catalogue_.RollBack("swap").ok());
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('2'), {}}).ok());
  EXPECT_TRUE(catalogue_.WasActive("swap", Sha('1')));
  ASSERT_TRUE(catalogue_.RollBack("swap").ok());
  EXPECT_EQ(*catalogue_.Active("swap"),
            (PluginRecords::Activation{Sha('1'), {{"strength", "0.7"}}}));
  ASSERT_TRUE(catalogue_.RollBack("swap").ok());
  EXPECT_EQ(catalogue_.Active("swap")->build, Sha('2'));
}

TEST_F(PluginCatalogueTest, WhatWasRetiredCanBeRolledBackTo) {
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('1'), {}}).ok());
  ASSERT_TRUE(catalogue_.Retire("swap").ok());
  EXPECT_EQ(catalogue_.Active("swap"), nullptr);
  EXPECT_FALSE(catalogue_.Retire("swap").ok());
  ASSERT_TRUE(catalogue_.RollBack("swap").ok());
  EXPECT_EQ(catalogue_.Active("swap")->build, Sha('1'));
}

TEST_F(PluginCatalogueTest, PassesOverRecordsOfBuildsThatAreNotThere) {
  PluginRecords records;
  records.plugins["swap"] = {PluginRecords::Activation{Sha('7'), {}},
                             PluginRecords::Activation{Sha('8'), {}}, Sha('7')};
  PluginCatalogue catalogue(records);
  catalogue.AddOldest(Build("swap", '1'));
  EXPECT_EQ(catalogue.Active("swap"), nullptr);
  EXPECT_TRUE(catalogue.ActiveIds().empty());
  EXPECT_EQ(Found(catalogue, "swap"), "1");
  EXPECT_THAT(std::string(catalogue.RollBack("swap").message()), HasSubstr("not installed"));
}

TEST_F(PluginCatalogueTest, ListsWhatIsActive) {
  ASSERT_TRUE(catalogue_.Activate("swap", {Sha('1'), {}}).ok());
  ASSERT_TRUE(catalogue_.Activate("pag", {Sha('9'), {}}).ok());
  EXPECT_THAT(catalogue_.ActiveIds(), ElementsAre("pag", "swap"));
}

TEST_F(PluginCatalogueTest, RefusesToLetActWhatCannotActTogether) {
  PluginCatalogue::Build rival = Build("rival", '5');
  rival.plugin.manifest.description.conflicts = {"pag"};
  catalogue_.AddNewest(rival);
  ASSERT_TRUE(catalogue_.Activate("pag", {Sha('9'), {}}).ok());
  const absl::Status refused = catalogue_.Activate("rival", {Sha('5'), {}});
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("rival and pag cannot be used together"));
  EXPECT_THAT(catalogue_.ActiveIds(), ElementsAre("pag"));
  ASSERT_TRUE(catalogue_.Retire("pag").ok());
  ASSERT_TRUE(catalogue_.Activate("rival", {Sha('5'), {}}).ok());
  EXPECT_FALSE(catalogue_.RollBack("pag").ok());
  EXPECT_THAT(catalogue_.ActiveIds(), ElementsAre("rival"));
  // A build of the same plugin that gets on with the others takes its place.
  catalogue_.AddNewest(Build("rival", '6'));
  ASSERT_TRUE(catalogue_.Activate("rival", {Sha('6'), {}}).ok());
  ASSERT_TRUE(catalogue_.RollBack("pag").ok());
  EXPECT_FALSE(catalogue_.RollBack("rival").ok());
  EXPECT_THAT(catalogue_.ActiveIds(), ElementsAre("pag", "rival"));
}

TEST_F(PluginCatalogueTest, AnOrderOfSomeLeavesTheOthersTheirPlaces) {
  catalogue_.AddOldest(Build("late", '8'));
  const auto places = [this] {
    return std::vector<int>{catalogue_.WishedPlace("late"), catalogue_.WishedPlace("pag"),
                            catalogue_.WishedPlace("swap")};
  };
  ASSERT_TRUE(catalogue_.SetOrder({"swap", "late"}).ok());
  EXPECT_THAT(places(), ElementsAre(2, 0, 1));
  ASSERT_TRUE(catalogue_.SetOrder({"pag", "swap"}).ok());
  EXPECT_THAT(places(), ElementsAre(2, 1, 3));
  EXPECT_FALSE(catalogue_.SetOrder({"pag", "pag"}).ok());
  EXPECT_FALSE(catalogue_.SetOrder({"nobody"}).ok());
  EXPECT_THAT(places(), ElementsAre(2, 1, 3));
  ASSERT_TRUE(catalogue_.SetOrder({}).ok());
  EXPECT_THAT(places(), ElementsAre(0, 0, 0));
}

TEST(PluginRecordsTest, ComeBackAsTheyWere) {
  const std::string path = testing::TempDir() + "/records.json";
  EXPECT_EQ(ReadPluginRecords(path + ".missing").value(), PluginRecords());
  PluginRecords records;
  records.plugins["swap"] = {PluginRecords::Activation{Sha('1'), {{"a", "b, \"c\""}}}, std::nullopt,
                             Sha('1')};
  records.quarantine[Sha('2')] = "crashed";
  records.unexplained_ends[Sha('3')] = 2;
  records.probes[Sha('1')] = "";
  records.host_fingerprint = "gcc";
  ASSERT_TRUE(WritePluginRecords(path, records).ok());
  EXPECT_EQ(ReadPluginRecords(path).value(), records);
}

TEST(PluginRecordsTest, SayWhatToDoWithADamagedFile) {
  const std::string path = testing::TempDir() + "/damaged.json";
  for (const char* text : {"", "{", "[]", R"({"plugins": 1})"}) {
    FILE* const file = std::fopen(path.c_str(), "w");
    std::fputs(text, file);
    std::fclose(file);
    const absl::Status status = ReadPluginRecords(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("Remove it"));
  }
}

}  // namespace
}  // namespace patchbay
