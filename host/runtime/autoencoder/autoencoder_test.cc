#include "host/runtime/autoencoder/autoencoder.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "host/runtime/autoencoder/memory_meter.h"
#include "host/runtime/autoencoder/random_autoencoder.h"

namespace patchbay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Mode = TilingOptions::Mode;

AutoencoderOptions Tiled(Mode mode, int64_t tile = 128, int64_t overlap = 32) {
  AutoencoderOptions options;
  options.tiling.mode = mode;
  options.tiling.tile = tile;
  options.tiling.overlap = overlap;
  return options;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

// Three levels: four pixels a latent unit.
class AutoencoderTest : public testing::Test {
 protected:
  AutoencoderTest() : random_({16, 16, 32}) { autoencoder_ = Load(at::kFloat); }

  std::unique_ptr<const Autoencoder> Load(at::ScalarType precision) {
    auto autoencoder = random_.Load(precision);
    EXPECT_TRUE(autoencoder.ok()) << autoencoder.status();
    return *std::move(autoencoder);
  }

  const c10::InferenceMode inference_;
  RandomAutoencoder random_;
  std::unique_ptr<const Autoencoder> autoencoder_;
};

TEST_F(AutoencoderTest, KnowsItsShape) {
  EXPECT_EQ(autoencoder_->scale(), 4);
  EXPECT_EQ(autoencoder_->latent_channels(), 4);
  const at::Tensor picture = autoencoder_->Decode(at::randn({2, 4, 5, 7}));
  EXPECT_EQ(picture.sizes(), (std::vector<int64_t>{2, 3, 20, 28}));
  EXPECT_EQ(autoencoder_->Encode(picture, {}).sizes(), (std::vector<int64_t>{2, 4, 5, 7}));
}

TEST_F(AutoencoderTest, SamplesThePosterior) {
  const at::Tensor picture = at::randn({1, 3, 16, 24}).clamp(-1, 1);
  const at::Tensor noise = at::randn({1, 4, 4, 6});
  const at::Tensor mean = autoencoder_->Encode(picture, {});
  const at::Tensor once = autoencoder_->Encode(picture, noise) - mean;
  const at::Tensor twice = autoencoder_->Encode(picture, noise * 2) - mean;
  EXPECT_GT(once.abs().max().item<double>(), 1e-3);
  EXPECT_LT(LargestDifference(twice, once * 2), 1e-5);
  EXPECT_TRUE((once * noise).ge(0).all().item<bool>()) << "a deviation is positive";
}

TEST_F(AutoencoderTest, ScalesAndShiftsLatents) {
  const at::Tensor z = at::randn({1, 4, 4, 4});
  const at::Tensor picture = at::randn({1, 3, 16, 16}).clamp(-1, 1);
  random_.config().scaling_factor = 1;
  const auto plain = Load(at::kFloat);
  random_.config().scaling_factor = 0.5;
  random_.config().shift_factor = 0.25;
  const auto shifted = Load(at::kFloat);
  EXPECT_LT(LargestDifference(shifted->Decode((z - 0.25) * 0.5), plain->Decode(z)), 1e-5);
  EXPECT_LT(
      LargestDifference(shifted->Encode(picture, {}), (plain->Encode(picture, {}) - 0.25) * 0.5),
      1e-6);
  random_.config().latents_mean = {1, 2, 3, 4};
  random_.config().latents_std = {2, 4, 5, 8};
  const auto normalised = Load(at::kFloat);
  const at::Tensor mean = at::tensor({1., 2., 3., 4.}).view({1, 4, 1, 1});
  const at::Tensor std = at::tensor({2., 4., 5., 8.}).view({1, 4, 1, 1});
  EXPECT_LT(LargestDifference(normalised->Encode(picture, {}),
                              (plain->Encode(picture, {}) - mean) / std * 0.5),
            1e-5);
  EXPECT_LT(LargestDifference(normalised->Decode((z - mean) / std * 0.5), plain->Decode(z)), 1e-4);
}

TEST_F(AutoencoderTest, NamesWrongTensors) {
  random_["decoder.conv_in.bias"] = at::zeros({7});
  random_.map().erase("encoder.mid_block.resnets.1.conv2.weight");
  random_["decoder.extra.weight"] = at::zeros({1});
  const auto status = random_.Load(at::kFloat).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  const std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("missing: encoder.mid_block.resnets.1.conv2.weight"));
  EXPECT_THAT(message, HasSubstr("decoder.conv_in.bias is [7] and should be [32]"));
  EXPECT_THAT(message, HasSubstr("not part of such a model: decoder.extra.weight"));
}

// A picture that one tile holds is computed whole.
TEST_F(AutoencoderTest, OneTileIsTheWhole) {
  const at::Tensor latents = at::randn({1, 4, 12, 16});
  EXPECT_TRUE(autoencoder_->Decode(latents, Tiled(Mode::kAlways, 16, 4))
                  .equal(autoencoder_->Decode(latents, Tiled(Mode::kNever))));
}

// What TilingOptions promises.
TEST_F(AutoencoderTest, TilesResembleTheWholeWithoutSeams) {
  const at::Tensor latents = at::randn({1, 4, 37, 53});
  const at::Tensor whole = autoencoder_->Decode(latents, Tiled(Mode::kNever));
  const auto error = [&](const AutoencoderOptions& options) {
    const at::Tensor tiled = autoencoder_->Decode(latents, options);
    EXPECT_EQ(tiled.sizes(), whole.sizes());
    return (tiled - whole) / whole.std();
  };
  const auto largest_step = [](const at::Tensor& map) {
    return std::max(map.diff(1, 2).abs().max().item<double>(),
                    map.diff(1, 3).abs().max().item<double>());
  };
  const at::Tensor blended = error(Tiled(Mode::kAlways, 24, 8));
  EXPECT_GT(blended.abs().max().item<double>(), 1e-3) << "these are tiles";
  EXPECT_LT(blended.square().mean().sqrt().item<double>(), 0.1);
  EXPECT_LT(blended.abs().max().item<double>(), 0.6);
  // A seam is a step in the error.
  const at::Tensor butted = error(Tiled(Mode::kAlways, 24, 0));
  EXPECT_LT(largest_step(blended), largest_step(butted) / 4);

  const at::Tensor picture = whole.clamp(-1, 1);
  const at::Tensor z = autoencoder_->Encode(picture, {}, Tiled(Mode::kNever));
  const at::Tensor tiled = autoencoder_->Encode(picture, {}, Tiled(Mode::kAlways, 24, 8));
  EXPECT_GT(LargestDifference(tiled, z), 1e-4);
  EXPECT_LT((tiled - z).square().mean().sqrt().item<double>(), 0.1 * z.std().item<double>());
}

TEST_F(AutoencoderTest, TilesTakeLessMemory) {
  const at::Tensor latents = at::randn({1, 4, 64, 64});
  const at::Tensor picture = at::randn({1, 3, 256, 256}).clamp(-1, 1);
  const auto peak = [](const auto& call) {
    const MemoryMeter meter;
    call();
    return meter.peak();
  };
  const auto options = Tiled(Mode::kAlways, 16, 4);
  const int64_t whole_decode = peak([&] { autoencoder_->Decode(latents); });
  const int64_t whole_encode = peak([&] { autoencoder_->Encode(picture, {}); });
  EXPECT_LT(peak([&] { autoencoder_->Decode(latents, options); }), whole_decode / 3);
  EXPECT_LT(peak([&] { autoencoder_->Encode(picture, {}, options); }), whole_encode / 3);
  // The estimates that the automatic choice goes by.
  WeightReader reader("the test", random_.map(), at::kFloat, at::kCPU);
  const AutoencoderNetwork network(reader, random_.config());
  EXPECT_NEAR(static_cast<double>(network.DecodingBytes(256 * 256)) / whole_decode, 1, 0.35);
  EXPECT_NEAR(static_cast<double>(network.EncodingBytes(256 * 256)) / whole_encode, 1, 0.35);
}

TEST_F(AutoencoderTest, ChoosesByMemoryLimit) {
  const at::Tensor latents = at::randn({1, 4, 30, 20});
  const at::Tensor whole = autoencoder_->Decode(latents, Tiled(Mode::kNever));
  const at::Tensor tiled = autoencoder_->Decode(latents, Tiled(Mode::kAlways, 16, 4));
  ASSERT_FALSE(whole.equal(tiled));
  AutoencoderOptions options = Tiled(Mode::kAutomatic, 16, 4);
  EXPECT_TRUE(autoencoder_->Decode(latents, options).equal(whole));
  EXPECT_TRUE(autoencoder_->Decode(latents).equal(whole));
  options.tiling.memory_limit = 1 << 20;
  EXPECT_TRUE(autoencoder_->Decode(latents, options).equal(tiled));
  const at::Tensor picture = whole.clamp(-1, 1);
  EXPECT_TRUE(autoencoder_->Encode(picture, {}, options)
                  .equal(autoencoder_->Encode(picture, {}, Tiled(Mode::kAlways, 16, 4))));
}

// Pictures one after another are the same pictures in less memory.
TEST_F(AutoencoderTest, TakesABatchApartBeforeAPicture) {
  const at::Tensor latents = at::randn({4, 4, 32, 32});
  AutoencoderOptions options;
  WeightReader reader("the test", random_.map(), at::kFloat, at::kCPU);
  options.tiling.memory_limit =
      AutoencoderNetwork(reader, random_.config()).DecodingBytes(128 * 128);
  const at::Tensor whole = autoencoder_->Decode(latents);
  int64_t peak = 0;
  {
    const MemoryMeter meter;
    EXPECT_LT(LargestDifference(autoencoder_->Decode(latents, options), whole), 1e-5);
    peak = meter.peak();
  }
  const MemoryMeter meter;
  autoencoder_->Decode(latents);
  EXPECT_LT(peak, meter.peak() * 2 / 3);
  EXPECT_LT(LargestDifference(
                autoencoder_->Decode(latents, Tiled(Mode::kAlways, 16, 4))[2],
                autoencoder_->Decode(latents[2].unsqueeze(0), Tiled(Mode::kAlways, 16, 4))[0]),
            1e-6);
}

TEST_F(AutoencoderTest, FallsBackToTilesWhenMemoryRunsOut) {
  const at::Tensor latents = at::randn({1, 4, 64, 64});
  const at::Tensor tiled = autoencoder_->Decode(latents, Tiled(Mode::kAlways, 16, 4));
  std::vector<std::string> warnings;
  AutoencoderOptions options = Tiled(Mode::kAutomatic, 16, 4);
  options.warnings = &warnings;
  MemoryMeter meter;
  meter.set_limit(8 << 20);
  EXPECT_TRUE(autoencoder_->Decode(latents, options).equal(tiled));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("ran out of memory")));
  options.tiling.mode = Mode::kNever;
  EXPECT_THROW(autoencoder_->Decode(latents, options), c10::OutOfMemoryError);
}

TEST_F(AutoencoderTest, RepeatsInFullPrecisionWhatOverflowsHalf) {
  const at::Tensor latents = at::randn({1, 4, 6, 9});
  const at::Tensor picture = at::randn({1, 3, 24, 36}).clamp(-1, 1);
  const auto in_half = Load(at::kHalf);
  std::vector<std::string> warnings;
  AutoencoderOptions options;
  options.warnings = &warnings;
  const at::Tensor exact = autoencoder_->Decode(latents);
  const at::Tensor half = in_half->Decode(latents, options);
  EXPECT_THAT(warnings, IsEmpty());
  EXPECT_LT(LargestDifference(half, exact), 0.05);
  EXPECT_GT(LargestDifference(half, exact), 1e-6) << "this was computed in fp16";

  // The next normalisation takes the factor out again, so only fp16 notices.
  random_["decoder.conv_in.weight"] *= 60000;
  random_["encoder.conv_in.weight"] *= 60000;
  const auto full = Load(at::kFloat);
  const auto overflowing = Load(at::kHalf);
  EXPECT_TRUE(overflowing->Decode(latents, options).equal(full->Decode(latents)));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("decoding overflowed in fp16 and was done again")));
  warnings.clear();
  EXPECT_LT(LargestDifference(overflowing->Encode(picture, {}, options), full->Encode(picture, {})),
            1e-5);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("encoding overflowed in fp16")));
  // Nobody has to listen.
  EXPECT_TRUE(overflowing->Decode(latents).isfinite().all().item<bool>());
}

TEST_F(AutoencoderTest, SaysWhereNonFiniteValuesComeFrom) {
  std::vector<std::string> warnings;
  AutoencoderOptions options;
  options.warnings = &warnings;
  at::Tensor latents = at::randn({1, 4, 4, 4});
  latents[0][1][2][3] = std::nan("");
  autoencoder_->Decode(latents, options);
  Load(at::kHalf)->Decode(latents, options);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("holds such values already"),
                                    HasSubstr("holds such values already")));
  warnings.clear();
  random_["decoder.conv_in.bias"][0] = std::nan("");
  Load(at::kFloat)->Decode(at::randn({1, 4, 4, 4}), options);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("weights are damaged")));
}

// That a call asks whether it is cancelled, and ends wherever the answer is yes.
void ExpectEndsWhereverAsked(const std::function<at::Tensor(const AutoencoderOptions&)>& call,
                             AutoencoderOptions options, int least) {
  int asked = 0;
  int yes_at = 0;
  options.is_cancelled = [&] { return ++asked == yes_at; };
  ASSERT_TRUE(call(options).defined());
  const int total = asked;
  EXPECT_GE(total, least);
  for (yes_at = 1; yes_at <= total; ++yes_at) {
    asked = 0;
    EXPECT_FALSE(call(options).defined()) << yes_at;
    EXPECT_EQ(asked, yes_at) << "went on after a yes";
  }
}

TEST_F(AutoencoderTest, EndsBetweenBlocksWhenCancelled) {
  const at::Tensor latents = at::randn({2, 4, 6, 6});
  const at::Tensor picture = at::randn({1, 3, 24, 24});
  const auto decode = [&](const AutoencoderOptions& options) {
    return autoencoder_->Decode(latents, options);
  };
  const auto encode = [&](const AutoencoderOptions& options) {
    return autoencoder_->Encode(picture, {}, options);
  };
  // The middle block and three levels, each of one resnet or more.
  constexpr int kAsked = 2 + 3;
  ExpectEndsWhereverAsked(decode, {}, kAsked);
  ExpectEndsWhereverAsked(encode, {}, kAsked);
  // Two pictures of four tiles; one picture of four.
  ExpectEndsWhereverAsked(decode, Tiled(Mode::kAlways, 4, 1), kAsked * 2 * 4);
  ExpectEndsWhereverAsked(encode, Tiled(Mode::kAlways, 4, 1), kAsked * 4);
  // Whole, one after the other.
  AutoencoderOptions one_by_one;
  one_by_one.tiling.memory_limit = 24 * 24 * 16 * 4 * 3;
  ExpectEndsWhereverAsked(decode, one_by_one, kAsked * 2);
}

}  // namespace
}  // namespace patchbay
