#include "sensitivity_plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace quantizer {
namespace {

constexpr double kWidth = 960;
constexpr double kPanelHeight = 240;
constexpr double kLeft = 60;
constexpr double kTop = 40;
constexpr double kGap = 60;
constexpr int kLines = 5;

// What is drawn of a layer, in this order.
struct Series {
  const char* label;
  const char* colour;
  bool of_weights;
  int bits;
};
constexpr Series kSeries[] = {{"weights, 8 bits", "#1b6ca8", true, 8},
                              {"weights, 4 bits", "#d1495b", true, 4},
                              {"input, 8 bits", "#4a7c59", false, 8}};

std::string Number(double value, const char* format = "%.1f") {
  char text[32];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

// Names come from a model's file.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Text(double x, double y, const std::string& text, const char* anchor = "start",
                 const char* colour = "#333") {
  return "<text x=\"" + Number(x) + "\" y=\"" + Number(y) + "\" text-anchor=\"" + anchor +
         "\" fill=\"" + colour + "\">" + Escaped(text) + "</text>\n";
}

struct Point {
  size_t place;
  double value;
  const Series* series;
  std::string name;
};

std::vector<Point> PointsOf(const Sensitivity& sensitivity, const std::vector<std::string>& names,
                            LayerClass layer_class) {
  std::vector<Point> points;
  size_t place = 0;
  for (const std::string& name : names) {
    const LayerSensitivity& layer = sensitivity.layers.at(name);
    if (layer.layer_class != layer_class) continue;
    for (const Series& series : kSeries) {
      const Measured& measured = series.of_weights ? layer.weights : layer.activations;
      const auto value = measured.values.find(series.bits);
      if (value != measured.values.end()) points.push_back({place, value->second, &series, name});
    }
    ++place;
  }
  return points;
}

std::string Panel(const std::vector<Point>& points, const std::string& title, double top,
                  const char* format) {
  std::string svg = Text(kLeft, top - 10, title);
  if (points.empty()) return svg + Text(kLeft, top + 20, "no such layers");
  const auto [least, most] =
      std::minmax_element(points.begin(), points.end(),
                          [](const Point& a, const Point& b) { return a.value < b.value; });
  const double low = least->value;
  const double range = std::max(most->value - low, 1e-6);
  const double count = static_cast<double>(points.back().place + 1);
  for (int line = 0; line <= kLines; ++line) {
    const double share = static_cast<double>(line) / kLines;
    const double y = top + kPanelHeight * (1 - share);
    svg += "<line x1=\"" + Number(kLeft) + "\" x2=\"" + Number(kLeft + kWidth) + "\" y1=\"" +
           Number(y) + "\" y2=\"" + Number(y) + "\" stroke=\"#ddd\"/>\n";
    svg += Text(kLeft - 6, y + 4, Number(low + share * range, format), "end");
  }
  for (const Point& point : points) {
    const double x = kLeft + kWidth * (static_cast<double>(point.place) + 0.5) / count;
    const double y = top + kPanelHeight * (1 - (point.value - low) / range);
    svg += "<circle cx=\"" + Number(x) + "\" cy=\"" + Number(y) + "\" r=\"2.5\" fill=\"" +
           point.series->colour + "\"><title>" + Escaped(point.name) + ", " + point.series->label +
           ": " + Number(point.value, format) + "</title></circle>\n";
  }
  return svg;
}

}  // namespace

std::string PlotSensitivity(const Sensitivity& sensitivity, const std::vector<std::string>& names) {
  const double height = kTop + 2 * kPanelHeight + kGap + 50;
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                    Number(kLeft + kWidth + 20) + "\" height=\"" + Number(height) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n"
                    "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  svg += Panel(PointsOf(sensitivity, names, LayerClass::kQuality),
               "Quality layers: signal to noise of the network's output, dB", kTop, "%.0f");
  svg += Panel(PointsOf(sensitivity, names, LayerClass::kContent),
               "Content layers: structural similarity of the foreseen picture",
               kTop + kPanelHeight + kGap, "%.4f");
  double x = kLeft;
  for (const Series& series : kSeries) {
    svg += Text(x, height - 15, series.label, "start", series.colour);
    x += 130;
  }
  return svg + Text(kLeft + kWidth, height - 15, "layers in the order of the network", "end") +
         "</svg>\n";
}

}  // namespace quantizer
