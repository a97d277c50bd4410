#include "plugins/moma/src/segmentation.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "plugins/clip_vision/src/resampling.h"
#include "plugins/moma/src/colour_mixture.h"
#include "plugins/moma/src/graph_cut.h"

namespace moma {
namespace {

constexpr int64_t kLongestSide = 160;
constexpr int64_t kShortestSide = 8;
constexpr double kRing = 0.04;  // of the shorter side: what counts as the border
constexpr int kRounds = 5;
constexpr double kGamma = 50;  // GrabCut's weight of borders between neighbours
// Of the border's pixels, those that its own colours explain worst may be a subject's that reaches
// over the edge.
constexpr double kOddShare = 0.02;
constexpr double kOddMargin = 2;       // in units of -log density
constexpr double kLeastShare = 0.002;  // of the picture: less is no subject
constexpr double kMostShare = 0.95;    // more is no background
constexpr double kSmallPart = 0.05;    // of the largest: less is dropped

struct Grid {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<Colour> colours;

  size_t count() const { return colours.size(); }
  bool IsInRing(size_t i, int64_t ring) const {
    const int64_t y = static_cast<int64_t>(i) / width;
    const int64_t x = static_cast<int64_t>(i) % width;
    return std::min(std::min(x, width - 1 - x), std::min(y, height - 1 - y)) < ring;
  }
};

Grid Small(const at::Tensor& pixels) {
  const int64_t longest = std::max(pixels.size(0), pixels.size(1));
  clip_vision::PictureSize size = {pixels.size(0), pixels.size(1)};
  if (longest > kLongestSide) {
    size = {std::max<int64_t>(1, size.height * kLongestSide / longest),
            std::max<int64_t>(1, size.width * kLongestSide / longest)};
  }
  Grid grid = {size.height, size.width, {}};
  if (std::min(size.height, size.width) < kShortestSide) return grid;
  const at::Tensor small =
      clip_vision::Resize(pixels, size, clip_vision::Filter::kBicubic).contiguous();
  const uint8_t* values = small.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < size.height * size.width; ++i, values += 3) {
    grid.colours.push_back({values[0] / 255.0, values[1] / 255.0, values[2] / 255.0});
  }
  return grid;
}

// Each pixel with its neighbours to the right and below, corners too.
std::vector<Link> Neighbours(const Grid& grid) {
  constexpr int64_t kSteps[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
  std::vector<Link> links;
  double sum = 0;
  for (int64_t y = 0; y < grid.height; ++y) {
    for (int64_t x = 0; x < grid.width; ++x) {
      for (const auto& [down, right] : kSteps) {
        if (y + down >= grid.height || x + right < 0 || x + right >= grid.width) continue;
        Link link = {static_cast<size_t>(y * grid.width + x),
                     static_cast<size_t>((y + down) * grid.width + x + right), 0};
        for (size_t c = 0; c < 3; ++c) {
          const double apart = grid.colours[link.one][c] - grid.colours[link.other][c];
          link.cost += apart * apart;
        }
        sum += link.cost;
        links.push_back(link);
      }
    }
  }
  // A border costs less where colours change more than they do on average.
  const double beta = sum > 0 ? static_cast<double>(links.size()) / (2 * sum) : 0;
  for (Link& link : links) {
    const auto width = static_cast<size_t>(grid.width);
    const size_t apart = link.other - link.one;
    const double distance = apart == 1 || apart == width ? 1 : std::sqrt(2.0);
    link.cost = kGamma / distance * std::exp(-beta * link.cost);
  }
  return links;
}

std::vector<Colour> Chosen(const Grid& grid, const std::vector<bool>& labels, bool wanted) {
  std::vector<Colour> colours;
  for (size_t i = 0; i < grid.count(); ++i) {
    if (labels[i] == wanted) colours.push_back(grid.colours[i]);
  }
  return colours;
}

// What the border's colours do not explain.
std::vector<bool> Odd(const Grid& grid, int64_t ring) {
  std::vector<Colour> colours;
  for (size_t i = 0; i < grid.count(); ++i) {
    if (grid.IsInRing(i, ring)) colours.push_back(grid.colours[i]);
  }
  const ColourMixture border = ColourMixture::Fit(colours);
  std::vector<double> costs;
  for (const Colour& colour : colours) costs.push_back(border.Cost(colour));
  const auto place = static_cast<size_t>((1 - kOddShare) * static_cast<double>(costs.size() - 1));
  std::nth_element(costs.begin(), costs.begin() + static_cast<std::ptrdiff_t>(place), costs.end());
  const double limit = costs[place] + kOddMargin;
  std::vector<bool> odd;
  for (const Colour& colour : grid.colours) odd.push_back(border.Cost(colour) > limit);
  return odd;
}

double Share(const std::vector<bool>& labels) {
  return static_cast<double>(std::count(labels.begin(), labels.end(), true)) /
         static_cast<double>(labels.size());
}

bool IsSubject(double share) { return share >= kLeastShare && share <= kMostShare; }

// One round of GrabCut: the colours of both, then the cut.
std::vector<bool> Improved(const Grid& grid, const std::vector<Link>& links,
                           const std::vector<bool>& labels, const std::vector<bool>& is_fixed) {
  const auto mixture = [&](bool wanted) {
    const std::vector<Colour> colours = Chosen(grid, labels, wanted);
    return ColourMixture::Fit(colours).Refitted(colours);
  };
  const ColourMixture subject = mixture(true);
  const ColourMixture background = mixture(false);
  constexpr double kNever = 1e6;
  std::vector<PixelCost> costs;
  for (size_t i = 0; i < grid.count(); ++i) {
    PixelCost cost = {background.Cost(grid.colours[i]), subject.Cost(grid.colours[i])};
    // Only their difference matters, and a capacity is not negative.
    const double least = std::min(cost.background, cost.subject);
    cost = {cost.background - least, cost.subject - least};
    if (is_fixed[i]) cost = {0, kNever};
    costs.push_back(cost);
  }
  return LeastCostLabels(costs, links);
}

// The pixels that belong together with `start`, corners not counted; takes them out of `left`.
std::vector<size_t> TakePart(const Grid& grid, std::vector<bool>& left, size_t start) {
  std::vector<size_t> part = {start};
  left[start] = false;
  for (size_t next = 0; next < part.size(); ++next) {
    const auto width = static_cast<size_t>(grid.width);
    const size_t i = part[next];
    const auto visit = [&](bool is_there, size_t other) {
      if (!is_there || !left[other]) return;
      left[other] = false;
      part.push_back(other);
    };
    visit(i % width > 0, i - 1);
    visit(i % width + 1 < width, i + 1);
    visit(i >= width, i - width);
    visit(i + width < grid.count(), i + width);
  }
  return part;
}

std::vector<bool> WithoutSpecks(const Grid& grid, const std::vector<bool>& labels) {
  std::vector<bool> left = labels;
  std::vector<std::vector<size_t>> parts;
  size_t largest = 0;
  for (size_t i = 0; i < grid.count(); ++i) {
    if (!left[i]) continue;
    parts.push_back(TakePart(grid, left, i));
    largest = std::max(largest, parts.back().size());
  }
  std::vector<bool> kept(grid.count(), false);
  for (const std::vector<size_t>& part : parts) {
    if (static_cast<double>(part.size()) < kSmallPart * static_cast<double>(largest)) continue;
    for (const size_t i : part) kept[i] = true;
  }
  return kept;
}

at::Tensor AsLargeAs(const Grid& grid, const std::vector<bool>& labels, const at::Tensor& pixels) {
  at::Tensor mask = at::zeros({grid.height, grid.width, 1}, at::kByte);
  uint8_t* values = mask.mutable_data_ptr<uint8_t>();
  for (size_t i = 0; i < grid.count(); ++i) values[i] = labels[i] ? 255 : 0;
  return clip_vision::Resize(mask, {pixels.size(0), pixels.size(1)}, clip_vision::Filter::kBicubic)
             .squeeze(2) >= 128;
}

}  // namespace

at::Tensor FindSubject(const at::Tensor& pixels) {
  const Grid grid = Small(pixels);
  if (grid.count() == 0) return {};
  const int64_t ring = std::max<int64_t>(
      1, std::llround(kRing * static_cast<double>(std::min(grid.height, grid.width))));
  std::vector<bool> labels = Odd(grid, ring);
  if (!IsSubject(Share(labels))) return {};
  std::vector<bool> is_fixed(grid.count());
  for (size_t i = 0; i < grid.count(); ++i) is_fixed[i] = grid.IsInRing(i, ring) && !labels[i];
  const std::vector<Link> links = Neighbours(grid);
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<bool> improved = Improved(grid, links, labels, is_fixed);
    if (!IsSubject(Share(improved))) return {};
    if (improved == labels) break;
    labels = improved;
  }
  const at::Tensor mask = AsLargeAs(grid, WithoutSpecks(grid, labels), pixels);
  return mask.any().item<bool>() ? mask : at::Tensor();
}

}  // namespace moma
