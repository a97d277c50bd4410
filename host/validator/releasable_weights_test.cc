#include "host/runtime/pipeline/releasable_weights.h"

#include <ATen/ATen.h>
#include <malloc.h>

#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "gtest/gtest.h"
#include "host/base/process_memory.h"
#include "host/runtime/denoiser/unet.h"
#include "host/validator/random_weights.h"

namespace patchbay {
namespace {

// Bytes that the program has allocated and not freed.
double AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

// A U-Net with some tens of megabytes of weights.
class ReleasableWeightsTest : public testing::Test {
 protected:
  ReleasableWeightsTest() {
    RandomWeights::UNetShape shape;
    shape.widths = {64, 256};
    shape.depths = {1, 2};
    shape.text_features = 48;
    stored_ = RandomWeights(/*seed=*/3).UNet(shape);
    WeightReader reader("the test's U-Net", stored_, at::kFloat, at::kCPU);
    config_.heads = {8, 8};
    config_.norm_groups = 8;
    unet_ = *UNet::Load(reader, config_);
    weights_ = std::make_unique<ReleasableWeights>(stored_, LoraSet(), at::kFloat, at::kCPU,
                                                   unet_->sites());
    for (const Site& site : unet_->sites().sites()) {
      if (site.kind != SiteKind::kLinear) continue;
      linears_.insert(site.index);
      bytes_ += static_cast<double>(unet_->sites().Storage(site.index)->bytes());
    }
  }

  std::set<SiteIndex> WithStorage() const {
    std::set<SiteIndex> operators;
    for (const Site& site : unet_->sites().sites()) {
      if (unet_->sites().Storage(site.index) != nullptr) operators.insert(site.index);
    }
    return operators;
  }

  WeightMap stored_;
  UNetConfig config_;
  std::unique_ptr<const UNet> unet_;
  std::unique_ptr<ReleasableWeights> weights_;
  std::set<SiteIndex> linears_;
  double bytes_ = 0;
};

TEST_F(ReleasableWeightsTest, MemoryFallsByWhatIsAnnouncedAndComesBack) {
  ASSERT_GT(bytes_, 20e6);
  const double whole = AllocatedBytes();
  ASSERT_TRUE(weights_->Release(unet_->sites(), linears_).ok());
  EXPECT_NEAR(whole - AllocatedBytes(), bytes_, 0.02 * bytes_);
  ASSERT_TRUE(weights_->Release(unet_->sites(), {}).ok());
  EXPECT_NEAR(AllocatedBytes(), whole, 0.02 * bytes_);
}

TEST_F(ReleasableWeightsTest, WhatComesBackIsWhatWasThere) {
  const SiteIndex site = *linears_.begin();
  const at::Tensor before = unet_->sites().Storage(site)->Weights().weight.clone();
  ASSERT_TRUE(weights_->Release(unet_->sites(), linears_).ok());
  EXPECT_FALSE(unet_->sites().Storage(site)->has_weight());
  EXPECT_TRUE(at::equal(weights_->Read(unet_->sites(), site)->weight, before));
  // Only some of them come back.
  std::set<SiteIndex> others = linears_;
  others.erase(site);
  ASSERT_TRUE(weights_->Release(unet_->sites(), others).ok());
  EXPECT_TRUE(at::equal(unet_->sites().Storage(site)->Weights().weight, before));
  EXPECT_FALSE(unet_->sites().Storage(*others.begin())->has_weight());
}

TEST_F(ReleasableWeightsTest, ReadsLaterWhatWasDeferred) {
  const std::set<SiteIndex> operators = WithStorage();
  WeightReader reader("the test's U-Net", stored_, at::kFloat, at::kCPU);
  reader.DeferOperators();
  const std::unique_ptr<const UNet> deferred = *UNet::Load(reader, config_);
  const SiteTable& sites = deferred->sites();
  ReleasableWeights weights(stored_, LoraSet(), at::kFloat, at::kCPU, sites);
  for (const SiteIndex site : operators) EXPECT_FALSE(sites.Storage(site)->has_weight());
  std::set<SiteIndex> convolutions = operators;
  for (const SiteIndex site : linears_) convolutions.erase(site);
  // Only the linear layers are wanted.
  ASSERT_TRUE(weights.Release(sites, convolutions).ok());
  for (const SiteIndex site : operators) {
    EXPECT_EQ(sites.Storage(site)->has_weight(), linears_.count(site) != 0);
  }
  ASSERT_TRUE(weights.Release(sites, {}).ok());
  for (const SiteIndex site : operators) {
    EXPECT_TRUE(at::equal(sites.Storage(site)->Weights().weight,
                          unet_->sites().Storage(site)->Weights().weight));
  }
}

TEST(ReleasableWeightsDigestTest, TellsWeightsApart) {
  const auto digest = [](WeightMap stored) {
    return ReleasableWeights(std::move(stored), LoraSet(), at::kFloat, at::kCPU, SiteTable("unet"))
        .Digest();
  };
  const auto stored = [](const at::Tensor& weight) {
    return WeightMap{{"a.weight", {weight, {}}}};
  };
  const at::Tensor weight = at::ones({4, 8});
  EXPECT_EQ(digest(stored(weight)), digest(stored(weight.clone())));
  EXPECT_NE(digest(stored(weight)), digest(stored(weight * 2)));
  EXPECT_NE(digest(stored(weight)), digest(stored(weight.view({8, 4}))));
  EXPECT_NE(digest(stored(weight)), digest({{"b.weight", {weight, {}}}}));
}

TEST_F(ReleasableWeightsTest, RefusesWhatHasNoWeight) {
  for (const Site& site : unet_->sites().sites()) {
    if (site.kind != SiteKind::kAttention) continue;
    EXPECT_EQ(weights_->Check(unet_->sites(), site.index).code(),
              absl::StatusCode::kInvalidArgument);
    return;
  }
  FAIL() << "the network has no attention";
}

}  // namespace
}  // namespace patchbay
