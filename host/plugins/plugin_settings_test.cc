#include "host/plugins/plugin_settings.h"

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/plugins/setting_array.h"

namespace patchbay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PluginField Field(const char* id, int32_t number, patchbay_field_type type, const char* initial,
                  double minimum = 0.0, double maximum = 0.0) {
  PluginField field;
  field.id = id;
  field.number = number;
  field.type = type;
  field.default_text = initial;
  field.minimum = minimum;
  field.maximum = maximum;
  return field;
}

std::vector<PluginField> Fields() {
  std::vector<PluginField> fields = {Field("enabled", 1, PATCHBAY_FIELD_BOOL, "true"),
                                     Field("steps", 9, PATCHBAY_FIELD_INT, "20", 1, 100),
                                     Field("factor", 3, PATCHBAY_FIELD_DOUBLE, "0.5", -1, 1),
                                     Field("note", 4, PATCHBAY_FIELD_STRING, ""),
                                     Field("way", 5, PATCHBAY_FIELD_CHOICE, "halve"),
                                     Field("blocks", 6, PATCHBAY_FIELD_INT_LIST, "1/2", 0, 9),
                                     Field("weights", 7, PATCHBAY_FIELD_DOUBLE_LIST, "", 0, 2),
                                     Field("mask", 8, PATCHBAY_FIELD_PICTURE, ""),
                                     Field("plan", 2, PATCHBAY_FIELD_FILE, "")};
  fields[4].choices = {{"halve", "Halve"}, {"double", "Double"}};
  return fields;
}

std::string Canonical(const std::string& text) {
  const auto settings = PluginSettings::Parse(Fields(), text);
  return settings.ok() ? settings->CanonicalText() : std::string(settings.status().message());
}

TEST(PluginSettingsTest, HasOneTextForEachSettings) {
  const struct {
    const char* text;
    const char* canonical;
  } cases[] = {
      {"", ""},
      {"  ", ""},
      {"steps=20,factor=0.50,enabled=yes", ""},
      {"steps=7, enabled = off ", "enabled=false,steps=7"},
      {"factor=1e-1", "factor=0.1"},
      {"factor=-0.0", "factor=0"},
      {"blocks=3/1/2", "blocks=3/1/2"},
      {"blocks=", "blocks="},
      {"weights=0.50/1.0e0", "weights=0.5/1"},
      {"way=double", "way=double"},
      {"note=plain = text", "note=plain = text"},
      {"note=\"a, \\\"b\\\" \\\\\"", "note=\"a, \\\"b\\\" \\\\\""},
      {"note=\" \" , steps=3", "note=\" \",steps=3"},
      {"plan=plan.json,mask=m", "plan=plan.json,mask=m"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Canonical(c.text), c.canonical) << c.text;
    EXPECT_EQ(Canonical(c.canonical), c.canonical) << "read again";
  }
}

TEST(PluginSettingsTest, RefusesWithTheReason) {
  const struct {
    std::string text;
    const char* message;
  } cases[] = {
      {"step=3", "there is no setting \"step\"; did you mean \"steps\"? There are: enabled, steps"},
      {"xyzzy=3", "there is no setting \"xyzzy\"; there are: enabled"},
      {"steps=3,steps=3", "setting \"steps\" is given twice"},
      {"steps=3.5", "\"steps\" is \"3.5\"; it must be a whole number"},
      {"steps=", "it must be a whole number"},
      {"steps=0", "\"steps\" is \"0\"; it must be in 1..100"},
      {"steps=99999999999999999999", "it must be a whole number"},
      {"factor=1.01", "it must be in -1..1"},
      {"factor=nan", "it must be a finite number"},
      {"factor=inf", "it must be a finite number"},
      {"factor=1e999", "it must be a finite number"},
      {"factor=0,5", "\"5\" has no value"},
      {"enabled=maybe", "it must be true or false"},
      {"way=dubble", "it must be one of: halve, double. Did you mean double?"},
      {"blocks=1//2", "\"blocks\" is \"\"; it must be a whole number"},
      {"blocks=1/", "it must be a whole number"},
      {"blocks=10", "it must be in 0..9"},
      {"plan=../secret", "without folders and without a leading dot"},
      {"plan=/etc/passwd", "without folders"},
      {"plan=.hidden", "leading dot"},
      {std::string("note=a\0b", 8), "holds a zero byte"},
      {"note=" + std::string(70000, 'x'), "has 70000 bytes; at most 65536"},
      {"note=\"open", "the closing quote is missing"},
      {"note=\"a\"b", "a comma is missing"},
      {"steps", "\"steps\" has no value"},
      {"=3", "a field's name is missing at character 1"},
      {"steps=3,", "a field is missing at character 9"},
  };
  for (const auto& c : cases) {
    const auto settings = PluginSettings::Parse(Fields(), c.text);
    EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(settings.status().message()), HasSubstr(c.message));
  }
  EXPECT_THAT(std::string(PluginSettings::Parse({}, "a=1").status().message()),
              HasSubstr("has no settings"));
}

TEST(PluginSettingsTest, TakesPairsAsTheyAre) {
  const auto settings = PluginSettings::FromPairs(Fields(), {{"note", "a,b=\"c\" "}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(std::get<std::string>(settings->values()[0].value), "a,b=\"c\" ");
  EXPECT_EQ(*PluginSettings::Parse(Fields(), settings->CanonicalText()), *settings);
}

TEST(PluginSettingsTest, CarriesOverToAnotherVersion) {
  const auto old = PluginSettings::Parse(
      Fields(), "steps=90,factor=-0.5,note=kept,way=double,blocks=1/9,enabled=false,plan=p");
  ASSERT_TRUE(old.ok()) << old.status();
  std::vector<PluginField> fields = {Field("steps", 9, PATCHBAY_FIELD_INT, "20", 1, 50),
                                     Field("factor", 3, PATCHBAY_FIELD_STRING, ""),
                                     Field("note", 4, PATCHBAY_FIELD_STRING, ""),
                                     Field("way", 5, PATCHBAY_FIELD_CHOICE, "triple"),
                                     Field("blocks", 6, PATCHBAY_FIELD_INT_LIST, "", 0.5, 5.5),
                                     // The new default is the old value: no longer worth saying.
                                     Field("enabled", 1, PATCHBAY_FIELD_BOOL, "false"),
                                     Field("added", 10, PATCHBAY_FIELD_DOUBLE, "1", 0, 1)};
  fields[3].choices = {{"triple", "Triple"}};
  const auto carried = old->CarryOver(fields);
  EXPECT_EQ(carried.settings.CanonicalText(), "factor=-0.5,note=kept,blocks=1/5,steps=50");
  EXPECT_THAT(
      carried.notes,
      ElementsAre("setting \"plan\": this version does not have it; left out",
                  "setting \"way\": \"double\" means nothing to this version; it is now "
                  "\"triple\", its default",
                  "setting \"blocks\": 1/9 is outside of this version's range; it is now 1/5",
                  "setting \"steps\": 90 is outside of this version's range; it is now 50"));
  // Nothing to say when nothing changes.
  const auto same = old->CarryOver(Fields());
  EXPECT_EQ(same.settings, *old);
  EXPECT_TRUE(same.notes.empty());
}

TEST(SettingArrayTest, HoldsWhatAPluginReads) {
  const auto settings = PluginSettings::Parse(
      Fields(),
      "enabled=0,steps=7,factor=0.25,note=text,way=double,blocks=3,weights=1/2,mask=m,plan=p");
  ASSERT_TRUE(settings.ok()) << settings.status();
  auto picture = std::shared_ptr<AtenTensorOpaque>(reinterpret_cast<AtenTensorOpaque*>(8),
                                                   [](AtenTensorOpaque*) {});
  SettingResources resources;
  resources.file = [](const std::string& name) { return "/files/" + name; };
  resources.picture = [&picture](const std::string&, bool) { return picture; };
  auto made = SettingArray::Make(*settings, resources);
  ASSERT_TRUE(made.ok()) << made.status();
  const SettingArray array = *std::move(made);
  ASSERT_EQ(array.size(), 9);
  const patchbay_value* const values = array.data();
  for (uint32_t i = 0; i < array.size(); ++i) {
    EXPECT_EQ(values[i].struct_size, sizeof(patchbay_value));
    EXPECT_EQ(values[i].number, static_cast<int32_t>(i) + 1);
  }
  EXPECT_EQ(values[0].integer, 0);
  EXPECT_STREQ(values[1].text, "/files/p");
  EXPECT_EQ(values[2].real, 0.25);
  EXPECT_STREQ(values[3].text, "text");
  EXPECT_STREQ(values[4].text, "double");
  ASSERT_EQ(values[5].count, 1);
  EXPECT_EQ(values[5].ints[0], 3);
  ASSERT_EQ(values[6].count, 2);
  EXPECT_EQ(values[6].reals[1], 2.0);
  EXPECT_EQ(values[7].picture, picture.get());
  EXPECT_EQ(values[8].integer, 7);
  // The array shares the picture.
  EXPECT_EQ(picture.use_count(), 2);
}

TEST(SettingArrayTest, NamesTheSettingThatFails) {
  const auto settings = PluginSettings::Parse(Fields(), "plan=p");
  SettingResources resources;
  EXPECT_THAT(std::string(SettingArray::Make(*settings, resources).status().message()),
              HasSubstr("setting \"plan\": this host has no folder"));
  resources.file = [](const std::string&) { return absl::NotFoundError("no such file"); };
  const auto array = SettingArray::Make(*settings, resources);
  EXPECT_EQ(array.status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace patchbay
