#include "plugins/quantizer/src/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace quantizer {
namespace {

using testing::HasSubstr;

std::string Document(const std::string& layers) {
  return R"({"format": "patchbay-quantizer-plan/1", "model": "abc", "layers": {)" + layers + "}}";
}

std::string ErrorOf(const std::string& text) {
  try {
    ParsePlan(text);
  } catch (const DocumentError& error) {
    return error.what();
  }
  return "";
}

TEST(PlanTest, ReadsWhatItWrites) {
  Plan plan;
  plan.model = "abc";
  plan.others = {.weight_bits = 8, .activation_bits = 8};
  plan.layers["conv_in"] = {};
  plan.layers["a.b"] = {.weight_bits = 4, .activation_bits = 8, .rotate = true};
  plan.layers["c"] = {.weight_bits = 8,
                      .activation_bits = 8,
                      .range = Range{-0.25f, 5.5f},
                      .skip_range = Range{-4, 3}};
  const Plan read = ParsePlan(WritePlan(plan));
  EXPECT_EQ(read.model, "abc");
  EXPECT_EQ(read.others.weight_bits, 8);
  ASSERT_EQ(read.layers.size(), 3u);
  EXPECT_EQ(read.layers.at("conv_in").weight_bits, 16);
  EXPECT_TRUE(read.layers.at("a.b").rotate);
  EXPECT_EQ(read.layers.at("a.b").weight_bits, 4);
  EXPECT_EQ(read.layers.at("c").range->low, -0.25f);
  EXPECT_EQ(read.layers.at("c").skip_range->high, 3);
  EXPECT_EQ(WritePlan(read), WritePlan(plan));
}

TEST(PlanTest, SaysWhereAndWhatIsWanted) {
  EXPECT_THAT(ErrorOf("{\n \"format\": \"pat"), HasSubstr("line 2"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("an object is wanted"));
  EXPECT_THAT(ErrorOf(R"({"format": "x/9", "model": "", "layers": {}})"),
              HasSubstr("/format: is \"x/9\"; wanted: patchbay-quantizer-plan/1"));
  EXPECT_THAT(ErrorOf(R"({"format": "patchbay-quantizer-plan/1", "layers": {}})"),
              HasSubstr("/model"));
  EXPECT_THAT(ErrorOf(Document(R"("a": {"weights": 5, "activations": 8})")),
              HasSubstr("/layers/a/weights: is 5; wanted: 16 or 8 or 4"));
  EXPECT_THAT(ErrorOf(Document(R"("a": {"weights": 8})")),
              HasSubstr("/layers/a/activations: is missing"));
  EXPECT_THAT(ErrorOf(Document(R"("a": {"weights": 8, "activations": 8, "wieghts": 8})")),
              HasSubstr("/layers/a/wieghts: is no key"));
  EXPECT_THAT(ErrorOf(Document(R"("a": {"weights": 8, "weights": 4, "activations": 8})")),
              HasSubstr("\"weights\": is given twice"));
  EXPECT_THAT(ErrorOf(Document(R"("a": {"weights": 16, "activations": 8})")),
              HasSubstr("need weights of 8 or 4"));
}

TEST(PlanTest, RefusesRangesThatMeanNothing) {
  for (const char* range : {"[1, 2]", "[-1]", "[0, 0]", "[2, -1]", "[-1, 1e60]", "\"wide\""}) {
    EXPECT_THAT(ErrorOf(Document(std::string(R"("a": {"weights": 8, "activations": 8, "range": )") +
                                 range + "}")),
                HasSubstr("/layers/a/range"))
        << range;
  }
  EXPECT_THAT(ErrorOf(Document(
                  R"("a": {"weights": 8, "activations": 8, "rotate": true, "range": [-1, 1]})")),
              HasSubstr("not both"));
}

TEST(PlanTest, NamesTheFile) {
  try {
    ReadPlan("/nowhere/plan.json");
    FAIL();
  } catch (const DocumentError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/plan.json: cannot be read"));
  }
}

}  // namespace
}  // namespace quantizer
