// Runs a range of attention tasks with the blocks of attention_tile_avx512.h.

#ifndef PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_DRIVER_AVX512_H_
#define PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_DRIVER_AVX512_H_

#include "host/runtime/kernels/attention_tile_avx512.h"

namespace patchbay {
namespace {

// Where a thread's scratch memory is divided. Sizes are multiples of 64 bytes because widths and
// padded keys are multiples of 8.
struct Scratch {
  uint32_t* keys;    // [padded keys][units of width]
  uint32_t* values;  // [units of padded keys][width]
  uint32_t* queries;
  float* sums;
  float* scores;
};

inline int64_t PaddedKeys(const AttentionProblem& problem) {
  return (problem.keys + kRows - 1) / kRows * kRows;
}

template <typename Arithmetic>
size_t ScratchBytes(const AttentionProblem& problem) {
  const int64_t element = sizeof(typename Arithmetic::Element);
  const int64_t packed = 2 * PaddedKeys(problem) * problem.width * element;
  const int64_t tile = (problem.width * element +
                        (problem.width + kBlockKeys) * static_cast<int64_t>(sizeof(float))) *
                       kQueries;
  return static_cast<size_t>(packed + tile);
}

template <typename Arithmetic>
Scratch DivideScratch(const AttentionProblem& problem, void* memory) {
  const int64_t units = problem.width / Arithmetic::kPerUnit;
  const int64_t packed = PaddedKeys(problem) * units;
  Scratch scratch;
  scratch.keys = static_cast<uint32_t*>(memory);
  scratch.values = scratch.keys + packed;
  scratch.queries = scratch.values + packed;
  scratch.sums = reinterpret_cast<float*>(scratch.queries + units * kQueries);
  scratch.scores = scratch.sums + problem.width * kQueries;
  return scratch;
}

template <typename Element>
const Element* HeadStart(const TokenView<const void*>& view, const AttentionProblem& problem,
                         int64_t batch, int64_t head) {
  return static_cast<const Element*>(view.data) + batch * view.batch_stride + head * problem.width;
}

template <typename Arithmetic>
void PackHead(const AttentionProblem& problem, int64_t batch, int64_t head,
              const Scratch& scratch) {
  using Element = typename Arithmetic::Element;
  const Element* keys = HeadStart<Element>(problem.k, problem, batch, head);
  auto* packed = reinterpret_cast<Element*>(scratch.keys);
  const size_t row_bytes = static_cast<size_t>(problem.width) * sizeof(Element);
  for (int64_t key = 0; key < problem.keys; ++key) {
    std::memcpy(packed + key * problem.width, keys + key * problem.k.token_stride, row_bytes);
  }
  const int64_t missing = PaddedKeys(problem) - problem.keys;
  std::memset(packed + problem.keys * problem.width, 0, static_cast<size_t>(missing) * row_bytes);
  Arithmetic::PackValues(HeadStart<Element>(problem.v, problem, batch, head),
                         problem.v.token_stride, problem.keys, PaddedKeys(problem), problem.width,
                         scratch.values);
}

// Attention of one tile of queries, the first being `first_query`.
template <typename Arithmetic>
void RunTile(const AttentionProblem& problem, int64_t batch, int64_t head, int64_t first_query,
             const Scratch& scratch) {
  using Element = typename Arithmetic::Element;
  const int64_t units = problem.width / Arithmetic::kPerUnit;
  const int64_t count =
      problem.queries - first_query < kQueries ? problem.queries - first_query : kQueries;
  const Element* q =
      HeadStart<Element>(problem.q, problem, batch, head) + first_query * problem.q.token_stride;
  PackQueries(reinterpret_cast<const uint32_t*>(q),
              problem.q.token_stride * static_cast<int64_t>(sizeof(Element)), count, units,
              scratch.queries);
  Tile tile{scratch.queries, scratch.sums, scratch.scores, {}, {}};
  for (int vector = 0; vector < kVectors; ++vector) {
    tile.maximum[vector] = _mm512_set1_ps(kLowest);
    tile.denominator[vector] = _mm512_setzero_ps();
  }
  std::memset(tile.sums, 0, static_cast<size_t>(problem.width * kQueries) * sizeof(float));

  const __m512 scale = _mm512_set1_ps(problem.scale * 0x1.715476p0f);  // log2(e)
  int64_t visible = problem.keys;
  if (problem.causal && first_query + count < visible) visible = first_query + count;
  for (int64_t key = 0; key < visible; key += kBlockKeys) {
    const int64_t left = visible - key;
    const int64_t rows = left < kBlockKeys ? (left + kRows - 1) / kRows * kRows : kBlockKeys;
    __m512 largest[kVectors] = {_mm512_set1_ps(kLowest), _mm512_set1_ps(kLowest)};
    ComputeScores<Arithmetic>(scratch.keys + key * units, rows, units, tile, largest);
    const bool crosses_diagonal = problem.causal && key + rows > first_query + 1;
    if (rows > left || crosses_diagonal) {
      MaskScores(rows, left, crosses_diagonal, first_query - key, tile, largest);
    }
    __m512 factor[kVectors];
    const bool rescale = UpdateMaximum<Arithmetic>(largest, scale, tile, factor);
    Exponentiate<Arithmetic>(rows, scale, tile);
    AccumulateValues<Arithmetic>(scratch.values + key / Arithmetic::kPerUnit * problem.width, rows,
                                 problem.width, rescale, factor, tile);
  }
  Element* out = static_cast<Element*>(problem.out.data) + batch * problem.out.batch_stride +
                 first_query * problem.out.token_stride + head * problem.width;
  StoreOutput<Arithmetic>(tile, problem.width, count, out, problem.out.token_stride);
}

template <typename Arithmetic>
void RunTasks(const AttentionProblem& problem, int64_t first_task, int64_t last_task,
              void* memory) {
  const Scratch scratch = DivideScratch<Arithmetic>(problem, memory);
  const int64_t tiles = (problem.queries + kQueries - 1) / kQueries;
  int64_t packed_head = -1;
  for (int64_t task = first_task; task < last_task; ++task) {
    const int64_t batch_head = task / tiles;
    const int64_t batch = batch_head / problem.heads;
    const int64_t head = batch_head % problem.heads;
    if (batch_head != packed_head) PackHead<Arithmetic>(problem, batch, head, scratch);
    packed_head = batch_head;
    RunTile<Arithmetic>(problem, batch, head, task % tiles * kQueries, scratch);
  }
}

template <typename Arithmetic>
constexpr AttentionKernel MakeKernel() {
  return {kQueries, &ScratchBytes<Arithmetic>, &RunTasks<Arithmetic>};
}

}  // namespace
}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_KERNELS_ATTENTION_DRIVER_AVX512_H_
