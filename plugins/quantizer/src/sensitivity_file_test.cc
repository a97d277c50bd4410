#include "plugins/quantizer/src/sensitivity_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace quantizer {
namespace {

using testing::HasSubstr;

std::string Document(const std::string& layer) {
  return R"({"format": "patchbay-quantizer-sensitivity/1", "model": "abc", "layers": {"a": )" +
         layer + "}}";
}

std::string ErrorOf(const std::string& text) {
  try {
    ParseSensitivity(text);
  } catch (const DocumentError& error) {
    return error.what();
  }
  return "";
}

TEST(SensitivityFileTest, ReadsWhatItWrites) {
  Sensitivity sensitivity;
  sensitivity.model = "abc";
  sensitivity.layers["a.ff.b"] = {
      LayerClass::kContent, {64, {{4, 0.9}, {8, 0.99}}}, {32, {{8, 0.995}}}};
  sensitivity.layers["c"] = {LayerClass::kQuality, {10, {{8, 51.25}}}, {20, {{8, 40.5}}}};
  const Sensitivity read = ParseSensitivity(WriteSensitivity(sensitivity));
  EXPECT_EQ(read.model, "abc");
  ASSERT_EQ(read.layers.size(), 2u);
  EXPECT_EQ(read.layers.at("a.ff.b").layer_class, LayerClass::kContent);
  EXPECT_EQ(read.layers.at("a.ff.b").weights.values.at(4), 0.9);
  EXPECT_EQ(read.layers.at("c").activations.count, 20);
  EXPECT_EQ(WriteSensitivity(read), WriteSensitivity(sensitivity));
}

TEST(SensitivityFileTest, SaysWhereAndWhatIsWanted) {
  const std::string good = R"("activations": {"count": 3, "8": 1})";
  EXPECT_THAT(ErrorOf(Document("{\"cla")), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf(Document("{" + good + "}")), HasSubstr("/layers/a/class"));
  EXPECT_THAT(ErrorOf(Document(R"({"class": "quality", )" + good + "}")),
              HasSubstr("/layers/a/weights: is missing"));
  EXPECT_THAT(ErrorOf(Document(R"({"class": "quality", "weights": {"8": 1}, )" + good + "}")),
              HasSubstr("/layers/a/weights/count"));
  EXPECT_THAT(
      ErrorOf(Document(R"({"class": "quality", "weights": {"count": 1, "7": 1}, )" + good + "}")),
      HasSubstr("/layers/a/weights/7"));
  EXPECT_THAT(
      ErrorOf(Document(R"({"class": "quality", "weights": {"count": 1, "8": "x"}, )" + good + "}")),
      HasSubstr("/layers/a/weights/8: a number"));
  EXPECT_THAT(ErrorOf(R"({"format": "patchbay-quantizer-plan/1", "model": "", "layers": {}})"),
              HasSubstr("wanted: patchbay-quantizer-sensitivity/1"));
}

}  // namespace
}  // namespace quantizer
