#include "integer_product.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace quantizer {
namespace {

// Rows that one task computes at most: enough that a panel of weights, once it is in the cache, is
// used often; few enough that the rows stay in there too.
constexpr int64_t kTaskRows = 64 * kTileRows;

int64_t RoundUp(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// The memory of one thread.
struct Scratch {
  Scratch(const PackedWeight& weight, bool in_parts)
      : integers(weight.scratch_bytes()),
        sums(in_parts ? sizeof(int32_t) * kTaskRows * kPanel : 0) {}
  AlignedBytes<int8_t> integers;
  AlignedBytes<uint8_t> sums;
};

class Product {
 public:
  Product(const QuantizedInput& input, const PackedWeight& weight, void* output, Element element)
      : input_(input),
        weight_(weight),
        output_(static_cast<char*>(output)),
        element_(element),
        in_parts_(weight.taps_at_once() < weight.taps()) {}

  // Threads take one task after another, so that one that is held up leaves the rest to the others.
  void Run() const {
    const int64_t panels = weight_.panels();
    const int64_t row_tasks = (input_.rows() + kTaskRows - 1) / kTaskRows;
    const int64_t tasks = row_tasks * panels;
    if (tasks == 0) return;
    const int64_t rows = RoundUp((input_.rows() + row_tasks - 1) / row_tasks, kTileRows);
    std::atomic<int64_t> next = 0;
    const int64_t threads = std::min<int64_t>(at::get_num_threads(), tasks);
    at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
      Scratch scratch(weight_, in_parts_);
      for (int64_t task = next++; task < tasks; task = next++) {
        const int64_t first = task / panels * rows;
        RunTask(first, std::min(input_.rows(), first + rows), task % panels, scratch);
      }
    });
  }

 private:
  void RunTask(int64_t first_row, int64_t last_row, int64_t panel, Scratch& scratch) const {
    const int64_t step = weight_.taps_at_once();
    for (int64_t tap = 0; tap < weight_.taps(); tap += step) {
      const int64_t count = std::min(step, weight_.taps() - tap);
      Tile tile;
      tile.taps = input_.taps().data() + tap;
      tile.tap_count = count;
      tile.inputs = weight_.padded_inputs();
      tile.weights = weight_.Integers(panel, tap, count, scratch.integers.data());
      tile.is_first = tap == 0;
      tile.is_last = tap + count == weight_.taps();
      tile.weight_step = weight_.Steps(panel);
      tile.weight_sum = weight_.Sums(panel);
      tile.bias = weight_.Biases(panel);
      tile.columns = std::min(kPanel, weight_.outputs() - panel * kPanel);
      tile.output_stride = weight_.outputs();
      tile.element = element_;
      auto* const sums = reinterpret_cast<int32_t*>(scratch.sums.data());
      for (int64_t row = first_row; row < last_row; row += kTileRows) {
        tile.sums = in_parts_ ? sums + (row - first_row) * kPanel : nullptr;
        MultiplyTile(row, last_row, panel, tile);
      }
    }
  }

  void MultiplyTile(int64_t row, int64_t last_row, int64_t panel, Tile& tile) const {
    tile.row_count = std::min(kTileRows, last_row - row);
    for (int64_t i = 0; i < kTileRows; ++i) {
      const int64_t position = std::min(row + i, last_row - 1);
      tile.rows[i] = input_.Row(position);
      tile.scale[i] = input_.ScaleOfRow(position);
    }
    const int64_t size = element_ == Element::kFloat ? 4 : 2;
    tile.output = output_ + (row * weight_.outputs() + panel * kPanel) * size;
    kernel_.multiply(tile);
  }

  const QuantizedInput& input_;
  const PackedWeight& weight_;
  char* output_;
  Element element_;
  bool in_parts_;
  const Kernel& kernel_ = BestKernel();
};

}  // namespace

void IntegerProduct(const QuantizedInput& input, const PackedWeight& weight, void* output,
                    Element element) {
  TORCH_CHECK(input.padded_inputs() == weight.padded_inputs() &&
                  static_cast<int64_t>(input.taps().size()) == weight.taps(),
              "an input of ", input.taps().size(), " x ", input.padded_inputs(),
              " values does not fit weights of ", weight.taps(), " x ", weight.padded_inputs());
  Product(input, weight, output, element).Run();
}

}  // namespace quantizer
