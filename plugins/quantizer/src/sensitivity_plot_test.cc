#include "plugins/quantizer/src/sensitivity_plot.h"

#include <gtest/gtest.h>

#include <string>

namespace quantizer {
namespace {

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Sensitivity Example() {
  Sensitivity sensitivity;
  sensitivity.layers["b"] = {
      LayerClass::kQuality, {100, {{8, 50.0}, {4, 30.0}}}, {10, {{8, 40.0}}}};
  sensitivity.layers["a<1>"] = {
      LayerClass::kQuality, {100, {{8, 45.0}, {4, 25.0}}}, {10, {{8, 35.0}}}};
  sensitivity.layers["c"] = {LayerClass::kContent, {100, {{8, 0.99}, {4, 0.9}}}, {10, {}}};
  return sensitivity;
}

TEST(PlotSensitivity, HasAPointForEachMeasurement) {
  const std::string svg = PlotSensitivity(Example(), {"b", "a<1>", "c"});
  EXPECT_EQ(Count(svg, "<circle"), 8U);
  EXPECT_EQ(Count(svg, "<title>a&lt;1&gt;, weights, 4 bits: 25</title>"), 1U);
  EXPECT_EQ(Count(svg, "<title>c, weights, 8 bits: 0.9900</title>"), 1U);
}

TEST(PlotSensitivity, PutsTheBestAboveAndTheFirstLeft) {
  const std::string svg = PlotSensitivity(Example(), {"b", "a<1>", "c"});
  // The panel reaches from 40 to 280, two layers are 480 apart.
  EXPECT_NE(svg.find("cx=\"300.0\" cy=\"40.0\" r=\"2.5\" fill=\"#1b6ca8\"><title>b,"),
            std::string::npos);
  EXPECT_NE(svg.find("cx=\"780.0\" cy=\"280.0\" r=\"2.5\" fill=\"#d1495b\"><title>a&lt;"),
            std::string::npos);
}

TEST(PlotSensitivity, SaysWhereThereIsNothing) {
  const std::string svg = PlotSensitivity({}, {});
  EXPECT_EQ(Count(svg, "no such layers"), 2U);
  EXPECT_EQ(Count(svg, "nan"), 0U);
}

}  // namespace
}  // namespace quantizer
