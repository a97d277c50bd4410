#include "host/runtime/sampling/noise_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

#include "host/runtime/sampling/brownian_motion.h"
#include "host/runtime/sampling/philox.h"
#include "host/runtime/sampling/seed_sequence.h"

namespace patchbay {
namespace {

void ExpectStart(const at::Tensor& numbers, const std::vector<float>& expected, float tolerance) {
  const at::Tensor flat = numbers.flatten();
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(flat[static_cast<int64_t>(i)].item<float>(), expected[i], tolerance) << i;
  }
}

// What torch.randn gives on the CPU for seed 0.
const std::vector<float> kTorchSeed0 = {-1.1258398f, -1.1523602f, -0.2505786f,
                                        -0.4338788f, 0.8487104f,  0.6920092f};

TEST(NoiseSource, DrawsTorchsNumbers) {
  NoiseSource noise(CompatProfile::kDiffusers, 0);
  ExpectStart(noise.Draw({1, 4, 8, 8}), kTorchSeed0, 1e-6f);
}

// What A1111's "NV" source gives for seed 0.
TEST(NoiseSource, DrawsNvidiasNumbers) {
  NoiseSource noise(CompatProfile::kA1111, 0);
  ExpectStart(noise.Draw({1, 4, 8, 8}), {-0.92466259f, -0.42534415f, -2.6438457f, 0.14518388f},
              1e-6f);
}

TEST(NoiseSource, DiffusersUsesOneStreamForAll) {
  NoiseSource all(CompatProfile::kDiffusers, 5);
  NoiseSource parts(CompatProfile::kDiffusers, 5);
  const at::Tensor both = all.Draw({2, 4, 8, 8});
  EXPECT_TRUE(at::equal(both[0], parts.Draw({1, 4, 8, 8})[0]));
  EXPECT_TRUE(at::equal(both[1], parts.DrawForStep({1, 4, 8, 8})[0]));
}

TEST(NoiseSource, ComfyUiSeedsStepsApart) {
  NoiseSource noise(CompatProfile::kComfyUi, 5);
  NoiseSource next_seed(CompatProfile::kComfyUi, 6);
  noise.Draw({1, 4, 8, 8});
  EXPECT_TRUE(at::equal(noise.DrawForStep({1, 4, 8, 8}), next_seed.Draw({1, 4, 8, 8})));
}

TEST(NoiseSource, A1111CountsSeedsOverTheBatch) {
  NoiseSource batch(CompatProfile::kA1111, 5);
  NoiseSource second(CompatProfile::kA1111, 6);
  const at::Tensor both = batch.Draw({2, 4, 8, 8});
  EXPECT_TRUE(at::equal(both[1], second.Draw({1, 4, 8, 8})[0]));
  EXPECT_TRUE(at::equal(batch.DrawForStep({2, 4, 8, 8})[1], second.DrawForStep({1, 4, 8, 8})[0]));
}

TEST(Philox, ContinuesWithEveryDraw) {
  PhiloxGenerator generator(3);
  EXPECT_FALSE(at::equal(generator.Draw({64}), generator.Draw({64})));
}

TEST(Philox, IsNormal) {
  const at::Tensor numbers = PhiloxGenerator(1).Draw({200'000});
  EXPECT_NEAR(numbers.mean().item<float>(), 0, 0.01);
  EXPECT_NEAR(numbers.std().item<float>(), 1, 0.01);
  EXPECT_TRUE(numbers.isfinite().all().item<bool>());
}

// From numpy.random.SeedSequence of NumPy 2.4.
TEST(SeedSequence, AgreesWithNumPy) {
  EXPECT_EQ(SeedSequenceState(0, {}, 4, 4),
            (std::vector<uint32_t>{2968811710u, 3677149159u, 745650761u, 2884920346u}));
  EXPECT_EQ(SeedSequenceState(7, {}, 24, 3),
            (std::vector<uint32_t>{1376543887u, 623213690u, 436845524u}));
  const std::vector<uint32_t> key = {3, 2};
  EXPECT_EQ(SeedSequenceState((uint64_t{1} << 40) + 5, key, 24, 4),
            (std::vector<uint32_t>{1871255777u, 2879413523u, 1352781655u, 4038398907u}));
}

BrownianMotion MakePath(uint64_t seed) {
  return BrownianMotion(0.03f, 14.6f, seed, {4000}, [](uint32_t node_seed, at::IntArrayRef shape) {
    return PhiloxGenerator(node_seed).Draw(shape);
  });
}

TEST(BrownianMotion, IncrementsAddUp) {
  const BrownianMotion path = MakePath(1);
  const at::Tensor whole = path.Increment(0.5, 9);
  const at::Tensor parts = path.Increment(0.5, 2.25) + path.Increment(2.25, 9);
  EXPECT_LT((whole - parts).abs().max().item<float>(), 1e-4);
}

TEST(BrownianMotion, VarianceIsTheLengthOfTime) {
  const BrownianMotion path = MakePath(2);
  EXPECT_NEAR(path.Increment(1, 5).var().item<float>(), 4, 0.3);
  EXPECT_NEAR(path.Increment(0.1, 0.11).var().item<float>(), 0.01, 0.001);
}

TEST(BrownianMotion, DisjointIncrementsAreIndependent) {
  const BrownianMotion path = MakePath(3);
  const at::Tensor a = path.Increment(1, 2);
  const at::Tensor b = path.Increment(2, 4);
  EXPECT_NEAR((a * b).mean().item<float>(), 0, 0.1);
}

TEST(BrownianMotion, KeepsToItsInterval) {
  const BrownianMotion path = MakePath(4);
  EXPECT_TRUE(at::equal(path.Increment(0.01, 20), path.Increment(0.03f, 14.6f)));
  EXPECT_EQ(path.Increment(3, 3).abs().max().item<float>(), 0);
}

}  // namespace
}  // namespace patchbay
