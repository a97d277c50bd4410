#include "host/plugins/chain_order.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

OrderConstraints Plugin(const std::string& id, patchbay_phase phase = PATCHBAY_PHASE_NORMAL) {
  OrderConstraints plugin;
  plugin.id = id;
  plugin.phase = phase;
  return plugin;
}

// The ids in the chain's order, or the error.
std::string Order(const std::vector<OrderConstraints>& plugins, bool is_explicit = false) {
  const auto order = OrderChain(plugins, is_explicit);
  if (!order.ok()) return std::string(order.status().message());
  return absl::StrJoin(*order, " ", [&](std::string* out, size_t i) { *out += plugins[i].id; });
}

TEST(ChainOrderTest, IsEmptyForNoPlugins) { EXPECT_EQ(Order({}), ""); }

TEST(ChainOrderTest, GoesByPhaseThenById) {
  EXPECT_EQ(Order({Plugin("c", PATCHBAY_PHASE_LATE), Plugin("b"), Plugin("a"),
                   Plugin("d", PATCHBAY_PHASE_EARLY)}),
            "d a b c");
}

TEST(ChainOrderTest, ConstraintsGoBeforePhases) {
  OrderConstraints late = Plugin("late", PATCHBAY_PHASE_LATE);
  late.before = {"a"};
  OrderConstraints b = Plugin("b");
  b.after = {"a"};
  EXPECT_EQ(Order({b, Plugin("a"), late}), "late a b");
}

TEST(ChainOrderTest, WishesShareOutThePlacesOfThoseThatHaveThem) {
  std::vector<OrderConstraints> plugins = {Plugin("a"), Plugin("b"), Plugin("c"), Plugin("d")};
  plugins[0].wished_place = 3;
  plugins[2].wished_place = 2;
  plugins[3].wished_place = 1;
  EXPECT_EQ(Order(plugins), "d b c a");
  plugins[1].phase = PATCHBAY_PHASE_LATE;
  EXPECT_EQ(Order(plugins), "d c a b");
}

TEST(ChainOrderTest, ConstraintsGoBeforeWishes) {
  std::vector<OrderConstraints> plugins = {Plugin("a"), Plugin("b"), Plugin("c")};
  plugins[0].before = {"b"};
  plugins[0].wished_place = 3;
  plugins[1].wished_place = 1;
  plugins[2].wished_place = 2;
  EXPECT_EQ(Order(plugins), "c a b");
  EXPECT_EQ(Order(plugins, /*is_explicit=*/true), "a b c");
}

TEST(ChainOrderTest, PrecedenceIsCheckedWithoutConflicts) {
  OrderConstraints a = Plugin("a");
  a.before = {"b"};
  a.conflicts = {"c"};
  EXPECT_TRUE(CheckPrecedence({a, Plugin("c"), Plugin("b")}).ok());
  EXPECT_THAT(std::string(CheckPrecedence({Plugin("b"), Plugin("c"), a}).message()),
              HasSubstr("plugin a must come before plugin b"));
  EXPECT_THAT(std::string(CheckPrecedence({a, a}).message()), HasSubstr("twice"));
}

TEST(ChainOrderTest, DoesNotDependOnTheOrderOfTheRequest) {
  std::vector<OrderConstraints> plugins = {Plugin("a"), Plugin("b"), Plugin("c"), Plugin("d")};
  plugins[0].after = {"c"};
  plugins[1].before = {"d"};
  const auto by_id = [](const OrderConstraints& x, const OrderConstraints& y) {
    return x.id < y.id;
  };
  do {
    EXPECT_EQ(Order(plugins), "b c a d");
  } while (std::next_permutation(plugins.begin(), plugins.end(), by_id));
}

TEST(ChainOrderTest, PassesOverConstraintsOnPluginsThatAreNotThere) {
  OrderConstraints a = Plugin("a");
  a.after = {"z"};
  a.conflicts = {"y"};
  EXPECT_EQ(Order({Plugin("b"), a}), "a b");
}

TEST(ChainOrderTest, NamesACycle) {
  OrderConstraints a = Plugin("a");
  OrderConstraints b = Plugin("b");
  a.before = {"b"};
  b.before = {"a"};
  EXPECT_THAT(Order({a, b, Plugin("c")}), HasSubstr("wants to come before another of them: a, b"));
}

TEST(ChainOrderTest, NamesPluginsThatConflictOrAreThereTwice) {
  OrderConstraints a = Plugin("a");
  a.conflicts = {"b"};
  for (const bool is_explicit : {false, true}) {
    EXPECT_EQ(Order({Plugin("b"), a}, is_explicit), "plugins b and a cannot be used together");
    EXPECT_EQ(Order({Plugin("b"), Plugin("b")}, is_explicit), "plugin b is asked for twice");
  }
}

TEST(ChainOrderTest, KeepsTheGivenOrderOfARepeatablePlugin) {
  OrderConstraints b = Plugin("b");
  b.is_repeatable = true;
  const auto order = OrderChain({b, Plugin("c"), b, Plugin("a"), b}, /*is_explicit=*/false);
  ASSERT_TRUE(order.ok()) << order.status();
  EXPECT_EQ(*order, (std::vector<size_t>{3, 0, 2, 4, 1}));
  EXPECT_EQ(Order({b, Plugin("a"), b}, /*is_explicit=*/true), "b a b");
  OrderConstraints d = Plugin("d");
  d.conflicts = {"b"};
  EXPECT_EQ(Order({b, d, b}), "plugins b and d cannot be used together");
}

TEST(ChainOrderTest, KeepsAnExplicitOrderUnlessAConstraintForbidsIt) {
  OrderConstraints a = Plugin("a", PATCHBAY_PHASE_EARLY);
  EXPECT_EQ(Order({Plugin("b"), a}, true), "b a");
  a.before = {"b"};
  EXPECT_EQ(Order({Plugin("b"), a}, true), "plugin a must come before plugin b");
}

}  // namespace
}  // namespace patchbay
