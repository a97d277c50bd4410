#include "host/formats/video/palette.h"

#include <algorithm>

namespace patchbay {
namespace {

constexpr size_t kCells = size_t{1} << 15;
constexpr size_t kMostColours = 256;

// All pixels whose colours share their upper five bits.
struct Cell {
  uint32_t index = 0;
  uint64_t count = 0;
  std::array<uint64_t, 3> sum{};
  uint64_t Mean(size_t channel) const { return (sum[channel] + count / 2) / count; }
};

using Cells = std::vector<Cell>;

// A range of cells that becomes one colour.
struct Box {
  size_t begin = 0;
  size_t end = 0;
  size_t channel = 0;   // along which it is longest
  uint64_t length = 0;  // there
};

size_t CellOf(absl::Span<const std::byte> rgb, size_t pixel) {
  const auto upper = [&](size_t channel) {
    return static_cast<size_t>(rgb[3 * pixel + channel]) >> 3;
  };
  return upper(0) << 10 | upper(1) << 5 | upper(2);
}

Cells UsedCells(absl::Span<const std::byte> rgb) {
  Cells all(kCells);
  for (size_t pixel = 0; pixel < rgb.size() / 3; ++pixel) {
    Cell& cell = all[CellOf(rgb, pixel)];
    ++cell.count;
    for (size_t channel = 0; channel < 3; ++channel) {
      cell.sum[channel] += static_cast<uint64_t>(rgb[3 * pixel + channel]);
    }
  }
  Cells used;
  for (uint32_t i = 0; i < kCells; ++i) {
    all[i].index = i;
    if (all[i].count > 0) used.push_back(all[i]);
  }
  return used;
}

Box BoxOf(const Cells& cells, size_t begin, size_t end) {
  Box box{begin, end};
  for (size_t channel = 0; channel < 3; ++channel) {
    const auto [least, most] = std::minmax_element(
        cells.begin() + static_cast<ptrdiff_t>(begin), cells.begin() + static_cast<ptrdiff_t>(end),
        [channel](const Cell& a, const Cell& b) { return a.Mean(channel) < b.Mean(channel); });
    const uint64_t length = most->Mean(channel) - least->Mean(channel);
    if (length > box.length) box.channel = channel, box.length = length;
  }
  return box;
}

// Where half of the box's pixels lie before, at least one cell on either side.
size_t Median(const Cells& cells, const Box& box) {
  uint64_t all = 0;
  for (size_t i = box.begin; i < box.end; ++i) all += cells[i].count;
  uint64_t before = 0;
  size_t at = box.begin;
  while (at + 1 < box.end && (at == box.begin || 2 * before < all)) before += cells[at++].count;
  return at;
}

std::vector<Box> Cut(Cells& cells) {
  std::vector<Box> boxes = {BoxOf(cells, 0, cells.size())};
  while (boxes.size() < kMostColours) {
    const auto longest = std::max_element(
        boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.length < b.length; });
    if (longest->end - longest->begin < 2) break;
    const Box box = *longest;
    std::sort(
        cells.begin() + static_cast<ptrdiff_t>(box.begin),
        cells.begin() + static_cast<ptrdiff_t>(box.end),
        [&box](const Cell& a, const Cell& b) { return a.Mean(box.channel) < b.Mean(box.channel); });
    const size_t middle = Median(cells, box);
    *longest = BoxOf(cells, box.begin, middle);
    boxes.push_back(BoxOf(cells, middle, box.end));
  }
  return boxes;
}

uint32_t ColourOf(const Cells& cells, const Box& box) {
  Cell total;
  for (size_t i = box.begin; i < box.end; ++i) {
    total.count += cells[i].count;
    for (size_t channel = 0; channel < 3; ++channel) total.sum[channel] += cells[i].sum[channel];
  }
  return 0xFF000000U |
         static_cast<uint32_t>(total.Mean(0) << 16 | total.Mean(1) << 8 | total.Mean(2));
}

}  // namespace

PaletteFrame WithPalette(absl::Span<const std::byte> rgb) {
  PaletteFrame frame;
  frame.colours.fill(0xFF000000U);
  Cells cells = UsedCells(rgb);
  const std::vector<Box> boxes = Cut(cells);
  std::vector<uint8_t> colour_of_cell(kCells);
  for (size_t i = 0; i < boxes.size(); ++i) {
    frame.colours[i] = ColourOf(cells, boxes[i]);
    for (size_t at = boxes[i].begin; at < boxes[i].end; ++at) {
      colour_of_cell[cells[at].index] = static_cast<uint8_t>(i);
    }
  }
  frame.indices.resize(rgb.size() / 3);
  for (size_t pixel = 0; pixel < frame.indices.size(); ++pixel) {
    frame.indices[pixel] = colour_of_cell[CellOf(rgb, pixel)];
  }
  return frame;
}

}  // namespace patchbay
