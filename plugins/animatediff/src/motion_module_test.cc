#include "plugins/animatediff/src/motion_module.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "plugins/animatediff/src/motion_test_data.h"

namespace animatediff {
namespace {

constexpr int64_t kChannels = 16;
constexpr int64_t kLongest = 6;

// What AnimateDiff's module computes, written down position by position and head by head.
at::Tensor Written(const MotionModule& m, const at::Tensor& x) {
  const int64_t frames = x.size(0);
  const auto linear = [](const at::Tensor& y, const LinearWeights& layer) {
    return at::matmul(y, layer.weight.t()) + layer.bias;
  };
  const auto layer_norm = [](const at::Tensor& y, const NormWeights& norm) {
    const at::Tensor centred = y - y.mean(-1, true);
    return centred / (centred.square().mean(-1, true) + 1e-5).sqrt() * norm.weight + norm.bias;
  };
  const at::Tensor grouped =
      m.norm_over_frames ? at::group_norm(x.permute({1, 0, 2, 3}).unsqueeze(0), m.norm_groups,
                                          m.norm.weight, m.norm.bias, 1e-6)
                               .squeeze(0)
                               .permute({1, 0, 2, 3})
                         : at::group_norm(x, m.norm_groups, m.norm.weight, m.norm.bias, 1e-6);
  at::Tensor added = at::zeros_like(x);
  const TemporalLayer& layer = m.layers.front();
  const int64_t of_head = kChannels / m.heads;
  for (int64_t i = 0; i < x.size(2); ++i) {
    for (int64_t j = 0; j < x.size(3); ++j) {
      at::Tensor y = linear(grouped.select(3, j).select(2, i), m.in);  // [F, C]
      for (const TemporalAttention& attention : layer.attentions) {
        const at::Tensor input =
            layer_norm(y, attention.norm) + attention.positions.slice(0, 0, frames);
        std::vector<at::Tensor> heads;
        for (int64_t head = 0; head < m.heads; ++head) {
          const auto part = [&](const at::Tensor& weight) {
            return at::matmul(input, weight.t()).narrow(1, head * of_head, of_head);
          };
          const at::Tensor scores = at::matmul(part(attention.query), part(attention.key).t());
          heads.push_back(
              at::matmul(at::softmax(scores / std::sqrt(static_cast<double>(of_head)), 1),
                         part(attention.value)));
        }
        y = y + linear(at::cat(heads, 1), attention.out);
      }
      const at::Tensor inner = linear(layer_norm(y, layer.norm), layer.feed_in);
      const int64_t half = inner.size(1) / 2;
      const at::Tensor gated = inner.narrow(1, 0, half) * at::gelu(inner.narrow(1, half, half));
      y = y + linear(gated, layer.feed_out);
      added.select(3, j).select(2, i).copy_(linear(y, m.out));
    }
  }
  return added;
}

class MotionModuleTest : public testing::Test {
 protected:
  MotionModuleTest() { at::manual_seed(6); }

  static double Difference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
  }
  static at::Tensor Features(int64_t rows) {
    return at::randn({rows, kChannels, 3, 4}, at::kDouble)
        .contiguous(at::MemoryFormat::ChannelsLast);
  }

  const MotionFile file_ = RandomMotionFile(kChannels, kLongest);
  const MotionModule& module_ = *file_.modules.front();
};

TEST_F(MotionModuleTest, ComputesWhatIsWrittenDown) {
  for (const int64_t frames : {int64_t{1}, int64_t{2}, kLongest}) {
    for (const bool over_frames : {false, true}) {
      MotionModule module = module_;
      module.norm_over_frames = over_frames;
      const at::Tensor x = Features(frames);
      EXPECT_LT(Difference(AddedMotion(module, x, frames, {}), Written(module, x)), 1e-12)
          << frames << " frames, norm over all: " << over_frames;
    }
  }
}

// The rows of the negative prompt are a clip of their own.
TEST_F(MotionModuleTest, KeepsClipsApart) {
  const at::Tensor x = Features(8);
  const at::Tensor both = AddedMotion(module_, x, 4, {});
  EXPECT_LT(Difference(both.narrow(0, 4, 4), AddedMotion(module_, x.narrow(0, 4, 4), 4, {})),
            1e-12);
}

TEST_F(MotionModuleTest, LooksAtTheOrderOfFrames) {
  const at::Tensor x = Features(3);
  const at::Tensor turned = AddedMotion(module_, x.flip(0), 3, {}).flip(0);
  EXPECT_GT(Difference(turned, AddedMotion(module_, x, 3, {})), 0.01);
}

// More positions than are worked on at once.
TEST_F(MotionModuleTest, GivesTheSameInParts) {
  const at::Tensor x = at::randn({2, kChannels, 90, 400}, at::kDouble);
  MotionModule module = module_;
  // A norm's statistics run over all positions; apart from it, each is by itself.
  module.norm.weight = at::zeros({kChannels}, at::kDouble);
  module.norm.bias = at::randn({kChannels}, at::kDouble);
  const ModuleLora lora = RandomLora(module, 2);
  const at::Tensor decay = at::rand({90, 400}, at::kDouble);
  const at::Tensor whole = AddedMotion(module, x, 2, {&lora, 1, decay, true});
  const at::Tensor corner =
      AddedMotion(module, x.slice(2, 80).slice(3, 390), 2,
                  {&lora, 1, decay.slice(0, 80).slice(1, 390).contiguous(), true});
  EXPECT_LT(Difference(whole.slice(2, 80).slice(3, 390), corner), 1e-12);
}

TEST_F(MotionModuleTest, ALoraChangesTheLayersAsIfMergedIntoThem) {
  const at::Tensor x = Features(3);
  const ModuleLora lora = RandomLora(module_, 3);
  MotionModule merged = module_;
  const auto merge = [](at::Tensor& weight, const LowRank& change) {
    weight = weight + 0.7 * at::matmul(change.up, change.down);
  };
  TemporalLayer& layer = merged.layers.front();
  for (size_t a = 0; a < layer.attentions.size(); ++a) {
    const ModuleLora::Attention& changes = lora.layers.front().attentions[a];
    merge(layer.attentions[a].query, changes.query);
    merge(layer.attentions[a].key, changes.key);
    merge(layer.attentions[a].value, changes.value);
  }
  merge(layer.feed_out.weight, lora.layers.front().feed_out);
  const at::Tensor with = AddedMotion(module_, x, 3, {&lora, 0.7, {}, false});
  EXPECT_LT(Difference(with, AddedMotion(merged, x, 3, {})), 1e-12);
  EXPECT_GT(Difference(with, AddedMotion(module_, x, 3, {})), 0.01);
  // Where it decays to nothing, nothing changes; where not at all, all does.
  const at::Tensor ones = at::ones({3, 4}, at::kDouble);
  EXPECT_LT(Difference(AddedMotion(module_, x, 3, {&lora, 0.7, ones, true}), with), 1e-12);
  at::Tensor half = ones.clone();
  half.select(1, 0).zero_();
  const at::Tensor faded = AddedMotion(module_, x, 3, {&lora, 0.7, half, true});
  const at::Tensor plain = AddedMotion(module_, x, 3, {});
  EXPECT_LT(Difference(faded.select(3, 0), plain.select(3, 0)), 1e-12);
  EXPECT_LT(Difference(faded.slice(3, 1), with.slice(3, 1)), 1e-12);
  // As in the authors' code, the feed-forward layers keep theirs.
  const at::Tensor authors = AddedMotion(module_, x, 3, {&lora, 0.7, half, false});
  EXPECT_GT(Difference(authors.select(3, 0), plain.select(3, 0)), 1e-3);
  EXPECT_LT(Difference(authors.slice(3, 1), with.slice(3, 1)), 1e-12);
}

TEST_F(MotionModuleTest, ComputesInTheFeaturesType) {
  const at::Tensor x = Features(3);
  const at::Tensor low = AddedMotion(module_, x.to(at::kBFloat16), 3, {});
  EXPECT_EQ(low.scalar_type(), at::kBFloat16);
  const at::Tensor high = AddedMotion(module_, x, 3, {});
  EXPECT_LT(Difference(low.to(at::kDouble), high), 0.1 * high.abs().max().item<double>());
}

}  // namespace
}  // namespace animatediff
