#include "host/plugins/abi_rules.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

HostAbi Host(uint32_t major, uint32_t minor) {
  return {{major, minor}, "gcc-12 libtorch-2.13.0", "2.13.0"};
}

TEST(AbiRulesTest, Versions) {
  const struct {
    AbiVersion plugin;
    AbiVersion host;
    bool accepted;
  } cases[] = {
      {{1, 0}, {1, 0}, true},  {{1, 0}, {1, 3}, true},  {{1, 3}, {1, 3}, true},
      {{1, 4}, {1, 3}, false}, {{1, 0}, {2, 0}, false}, {{2, 0}, {1, 9}, false},
      {{0, 9}, {1, 0}, false}, {{2, 0}, {2, 0}, true},  {{4294967295u, 0}, {1, 0}, false},
  };
  for (const auto& c : cases) {
    const absl::Status status =
        CheckAbi(c.plugin, PATCHBAY_TIER_PLAIN, "", Host(c.host.major, c.host.minor));
    EXPECT_EQ(status.ok(), c.accepted)
        << c.plugin.major << "." << c.plugin.minor << " in " << c.host.major << "." << c.host.minor;
  }
}

TEST(AbiRulesTest, TiersAndFingerprints) {
  const struct {
    patchbay_tier tier;
    const char* fingerprint;
    bool accepted;
  } cases[] = {
      {PATCHBAY_TIER_EXACT, "gcc-12 libtorch-2.13.0", true},
      {PATCHBAY_TIER_EXACT, "gcc-12 libtorch-2.13.1", false},
      {PATCHBAY_TIER_EXACT, "", false},
      {PATCHBAY_TIER_STABLE, "2.11", true},
      {PATCHBAY_TIER_STABLE, "2.13", true},
      {PATCHBAY_TIER_STABLE, "2.13.0", true},
      {PATCHBAY_TIER_STABLE, "2.14", false},
      {PATCHBAY_TIER_STABLE, "3.0", false},
      {PATCHBAY_TIER_STABLE, "1.13", false},
      {PATCHBAY_TIER_STABLE, "2", false},
      {PATCHBAY_TIER_STABLE, "2.x", false},
      {PATCHBAY_TIER_STABLE, "", false},
      {PATCHBAY_TIER_PLAIN, "", true},
      {PATCHBAY_TIER_PLAIN, "anything", true},
      {0, "", false},
      {4, "", false},
  };
  for (const auto& c : cases) {
    const absl::Status status = CheckAbi({1, 0}, c.tier, c.fingerprint, Host(1, 0));
    EXPECT_EQ(status.ok(), c.accepted) << c.tier << " \"" << c.fingerprint << "\"";
  }
}

patchbay_entry GoodEntry(const patchbay_plugin_functions* functions) {
  return {PATCHBAY_ABI_MAGIC, sizeof(patchbay_entry), 1, 0, PATCHBAY_TIER_PLAIN, "", functions};
}

const patchbay_plugin_functions kGoodFunctions = {
    sizeof(patchbay_plugin_functions),
    [] { return static_cast<const patchbay_descriptor*>(nullptr); },
    [](const patchbay_host*, const patchbay_value*, uint32_t, patchbay_instance**,
       patchbay_error*) { return patchbay_status{PATCHBAY_OK}; },
    [](patchbay_instance*, patchbay_attach*, patchbay_error*) {
      return patchbay_status{PATCHBAY_OK};
    },
    [](patchbay_instance*) {},
    nullptr};

TEST(AbiRulesTest, AcceptsAGoodEntryAlsoOfALargerStruct) {
  patchbay_entry entry = GoodEntry(&kGoodFunctions);
  EXPECT_EQ(CheckEntry(entry, Host(1, 0)), absl::OkStatus());
  entry.struct_size += 64;
  EXPECT_EQ(CheckEntry(entry, Host(1, 0)), absl::OkStatus());
}

TEST(AbiRulesTest, RefusesIncompleteEntries) {
  patchbay_entry entry = GoodEntry(&kGoodFunctions);
  entry.struct_size = 8;
  EXPECT_THAT(std::string(CheckEntry(entry, Host(1, 0)).message()), HasSubstr("it has 8 bytes"));
  entry = GoodEntry(nullptr);
  EXPECT_THAT(std::string(CheckEntry(entry, Host(1, 0)).message()),
              HasSubstr("functions are NULL"));
  entry = GoodEntry(&kGoodFunctions);
  entry.fingerprint = nullptr;
  EXPECT_THAT(std::string(CheckEntry(entry, Host(1, 0)).message()),
              HasSubstr("fingerprint is NULL"));

  patchbay_plugin_functions functions = kGoodFunctions;
  functions.struct_size = 8;
  EXPECT_THAT(std::string(CheckEntry(GoodEntry(&functions), Host(1, 0)).message()),
              HasSubstr("function table is smaller"));
  functions = kGoodFunctions;
  functions.attach = nullptr;
  EXPECT_THAT(std::string(CheckEntry(GoodEntry(&functions), Host(1, 0)).message()),
              HasSubstr("is NULL"));
}

// Reads nothing behind a wrong magic number: what follows here is not a string's address.
TEST(AbiRulesTest, LooksAtTheMagicFirst) {
  patchbay_entry entry = GoodEntry(&kGoodFunctions);
  entry.magic = 0;
  entry.fingerprint = reinterpret_cast<const char*>(1);
  EXPECT_THAT(std::string(CheckEntry(entry, Host(1, 0)).message()), HasSubstr("magic number"));
}

}  // namespace
}  // namespace patchbay
