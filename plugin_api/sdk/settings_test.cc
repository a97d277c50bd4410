// How a plugin reads what the host gives it.

#include <gtest/gtest.h>
#include <patchbay/aten.h>

#include <string>
#include <vector>

namespace patchbay {
namespace {

enum class Way { kStraight, kRound };

struct Settings {
  int64_t count = 3;
  double factor = 0.5;
  Way way = Way::kStraight;
};

Description<Settings> Describe() {
  Description<Settings> d;
  d.field<1>(&Settings::count, "count");
  d.field<2>(&Settings::factor, "factor");
  d.field<3>(&Settings::way, "way")
      .choices({{Way::kStraight, "straight", "Straight"}, {Way::kRound, "round", "Round"}});
  return d;
}

// A host of a later minor version hands out larger structs.
struct LaterValue {
  patchbay_value known{};
  uint64_t added = ~uint64_t{0};
};

LaterValue Value(int32_t number, patchbay_field_type type) {
  LaterValue value;
  value.known.struct_size = sizeof(value);
  value.known.number = number;
  value.known.type = type;
  return value;
}

TEST(SettingsTest, StepsOverWhatLaterHostsAdd) {
  std::vector<LaterValue> values = {Value(1, PATCHBAY_FIELD_INT), Value(2, PATCHBAY_FIELD_DOUBLE),
                                    Value(3, PATCHBAY_FIELD_CHOICE)};
  values[0].known.integer = 7;
  values[1].known.real = 0.25;
  values[2].known.text = "round";
  const Settings settings = Describe().read(&values[0].known, 3);
  EXPECT_EQ(settings.count, 7);
  EXPECT_EQ(settings.factor, 0.25);
  EXPECT_EQ(settings.way, Way::kRound);

  EXPECT_EQ(PATCHBAY_ELEMENT(patchbay_value, &values[0].known, 1)->real, 0.25);
}

TEST(SettingsTest, IsNeitherEarlyNorLateUnlessItSaysSo) {
  Description<Settings> d = Describe();
  EXPECT_EQ(d.finish()->phase, PATCHBAY_PHASE_NORMAL);
  d.phase(PATCHBAY_PHASE_LATE);
  EXPECT_EQ(d.finish()->phase, PATCHBAY_PHASE_LATE);
}

TEST(SettingsTest, KeepsDefaults) {
  const Settings settings = Describe().read(nullptr, 0);
  EXPECT_EQ(settings.count, 3);
  EXPECT_EQ(settings.way, Way::kStraight);
}

TEST(SettingsTest, SaysWhatItDoesNotKnow) {
  LaterValue value = Value(9, PATCHBAY_FIELD_INT);
  try {
    Describe().read(&value.known, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), std::string("there is no setting with number 9"));
  }
  value = Value(3, PATCHBAY_FIELD_CHOICE);
  value.known.text = "square";
  try {
    Describe().read(&value.known, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), std::string("there is no choice \"square\""));
    EXPECT_EQ(error.status(), PATCHBAY_INVALID_ARGUMENT);
  }
}

}  // namespace
}  // namespace patchbay
