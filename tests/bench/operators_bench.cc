#include "tests/bench/operators_bench.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <functional>
#include <vector>

#include "host/runtime/nn/attention.h"
#include "host/runtime/nn/convolution.h"
#include "host/runtime/nn/feed_forward.h"
#include "host/runtime/nn/linear.h"
#include "host/runtime/nn/normalization.h"
#include "host/runtime/nn/test_weights.h"
#include "tests/bench/stopwatch.h"

namespace patchbay {
namespace {

constexpr int kRuns = 7;
constexpr int64_t kBatch = 2;
const OperatorTable kNoPatches;

using Work = std::function<void()>;

// flop: 0 for what is bound by memory.
void Compare(const std::string& name, double flop, const Work& ours, const Work& plain) {
  std::vector<double> our_seconds;
  std::vector<double> plain_seconds;
  ours();
  plain();
  for (int run = 0; run < kRuns; ++run) {
    our_seconds.push_back(Seconds(ours));
    plain_seconds.push_back(Seconds(plain));
  }
  const double a = Median(our_seconds);
  const double b = Median(plain_seconds);
  std::printf("%-34s %9.2f ms  plain %9.2f ms  %5.2f x", name.c_str(), a * 1e3, b * 1e3, a / b);
  if (flop > 0) std::printf("  %5.0f GFLOP/s", flop / a * 1e-9);
  std::printf("\n");
  std::fflush(stdout);
}

std::string Named(const char* kind, std::initializer_list<int64_t> sizes) {
  std::string name = kind;
  for (const int64_t size : sizes) name += " " + std::to_string(size);
  return name;
}

void BenchLinear(at::ScalarType precision, int64_t tokens, int64_t in, int64_t out) {
  TestWeights weights(precision);
  const at::Tensor weight = weights.Add("weight", {out, in}, 0.02);
  const at::Tensor bias = weights.Add("bias", {out});
  const Linear linear(weights.scope(), in, out, Linear::Bias::kRequired);
  const at::Tensor x = at::randn({kBatch, tokens, in}).to(precision);
  const at::Tensor residual = at::randn({kBatch, tokens, out}).to(precision);
  Compare(
      Named("linear+add", {kBatch * tokens, in, out}),
      2.0 * static_cast<double>(kBatch * tokens * in * out),
      [&] { linear.ForwardAdd(x, residual, kNoPatches); },
      [&] { at::linear(x, weight, bias) + residual; });
}

void BenchConvolution(at::ScalarType precision, int64_t in, int64_t out, int64_t side,
                      int64_t kernel, int64_t stride) {
  TestWeights weights(precision);
  const at::Tensor weight = weights.Add("weight", {out, in, kernel, kernel}, 0.02)
                                .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor bias = weights.Add("bias", {out});
  const Convolution convolution(weights.scope(), in, out, kernel,
                                {.stride = stride, .padding = kernel / 2, .dilation = 1});
  const at::Tensor x =
      at::randn({kBatch, in, side, side}).to(precision).contiguous(at::MemoryFormat::ChannelsLast);
  const int64_t positions = kBatch * side * side / stride / stride;
  Compare(
      Named("convolution", {in, out, side, kernel, stride}),
      2.0 * static_cast<double>(positions * in * out * kernel * kernel),
      [&] { convolution.Forward(x, kNoPatches); },
      [&] { at::conv2d(x, weight, bias, stride, kernel / 2); });
}

void BenchAttention(at::ScalarType precision, int64_t queries, int64_t keys, int64_t heads,
                    int64_t width) {
  const auto tokens = [&](int64_t count) {
    return at::randn({kBatch, count, heads * width}).to(precision);
  };
  const at::Tensor q = tokens(queries);
  const at::Tensor k = tokens(keys);
  const at::Tensor v = tokens(keys);
  const auto split = [&](const at::Tensor& x) {
    return x.view({kBatch, -1, heads, width}).transpose(1, 2);
  };
  Compare(
      Named("attention", {queries, keys, heads, width}),
      4.0 * static_cast<double>(kBatch * queries * keys * heads * width),
      [&] { Attend(q, k, v, heads); },
      [&] {
        at::scaled_dot_product_attention(split(q), split(k), split(v))
            .transpose(1, 2)
            .reshape(q.sizes());
      });
}

void BenchGroupNorm(at::ScalarType precision, int64_t channels, int64_t side) {
  TestWeights weights(precision);
  const at::Tensor weight = weights.Add("weight", {channels});
  const at::Tensor bias = weights.Add("bias", {channels});
  const GroupNorm norm(weights.scope(), channels, 32, 1e-5);
  const at::Tensor x = at::randn({kBatch, channels, side, side})
                           .to(precision)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor shift = at::randn({kBatch, channels}).to(precision);
  Compare(
      Named("shift, group norm, SiLU", {channels, side}), 0,
      [&] { norm.ForwardShiftedSilu(x, shift); },
      [&] { at::silu(at::group_norm(x + shift.unsqueeze(-1).unsqueeze(-1), 32, weight, bias)); });
}

void BenchLayerNorm(at::ScalarType precision, int64_t tokens, int64_t width) {
  TestWeights weights(precision);
  const at::Tensor weight = weights.Add("weight", {width});
  const at::Tensor bias = weights.Add("bias", {width});
  const LayerNorm norm(weights.scope(), width, 1e-5);
  const at::Tensor x = at::randn({kBatch, tokens, width}).to(precision);
  Compare(
      Named("layer norm", {tokens, width}), 0, [&] { norm.Forward(x); },
      [&] { at::layer_norm(x, {width}, weight, bias); });
}

void BenchFeedForward(at::ScalarType precision, int64_t tokens, int64_t width) {
  TestWeights weights(precision);
  const at::Tensor w1 = weights.Add("net.0.proj.weight", {8 * width, width}, 0.02);
  const at::Tensor b1 = weights.Add("net.0.proj.bias", {8 * width});
  const at::Tensor w2 = weights.Add("net.2.weight", {width, 4 * width}, 0.02);
  const at::Tensor b2 = weights.Add("net.2.bias", {width});
  const GatedFeedForward feed_forward(weights.scope(), width);
  const at::Tensor x = at::randn({kBatch, tokens, width}).to(precision);
  Compare(
      Named("gated feed-forward", {tokens, width}),
      24.0 * static_cast<double>(kBatch * tokens * width * width),
      [&] { feed_forward.ForwardAdd(x, x, kNoPatches); },
      [&] {
        const auto halves = at::linear(x, w1, b1).chunk(2, -1);
        at::linear(halves[0] * at::gelu(halves[1]), w2, b2) + x;
      });
}

}  // namespace

int RunOperatorsBench(const std::string& precision_name) {
  const c10::InferenceMode inference;
  const at::ScalarType precision = precision_name == "bf16" ? at::kBFloat16 : at::kFloat;
  // The three resolutions with transformers: tokens per row and channels.
  for (const auto& [tokens, width] :
       {std::pair<int64_t, int64_t>{4096, 320}, {1024, 640}, {256, 1280}}) {
    BenchLinear(precision, tokens, width, width);
    BenchFeedForward(precision, tokens, width);
    BenchAttention(precision, tokens, tokens, 8, width / 8);
    BenchAttention(precision, tokens, 77, 8, width / 8);
    BenchLayerNorm(precision, tokens, width);
  }
  for (const auto& [channels, side] :
       {std::pair<int64_t, int64_t>{320, 64}, {640, 32}, {1280, 16}, {1280, 8}}) {
    BenchConvolution(precision, channels, channels, side, 3, 1);
    BenchGroupNorm(precision, channels, side);
  }
  BenchConvolution(precision, 2560, 1280, 16, 3, 1);
  BenchConvolution(precision, 960, 320, 64, 3, 1);
  BenchConvolution(precision, 640, 320, 64, 1, 1);
  BenchConvolution(precision, 320, 320, 64, 3, 2);
  BenchConvolution(precision, 4, 320, 64, 3, 1);
  BenchConvolution(precision, 320, 4, 64, 3, 1);
  return 0;
}

}  // namespace patchbay
