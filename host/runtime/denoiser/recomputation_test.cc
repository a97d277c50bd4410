#include "host/runtime/denoiser/recomputation.h"

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>

#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "host/runtime/denoiser/resnet.h"
#include "host/runtime/denoiser/transformer.h"
#include "host/runtime/nn/test_weights.h"

namespace patchbay {
namespace {

constexpr int64_t kChannels = 32;
constexpr int64_t kTimeFeatures = 24;
constexpr int64_t kGroups = 8;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

void AddLinear(TestWeights& weights, const std::string& name, int64_t out, int64_t in,
               bool with_bias) {
  weights.Add(name + ".weight", {out, in}, 0.2);
  if (with_bias) weights.Add(name + ".bias", {out}, 0.1);
}

void AddNorm(TestWeights& weights, const std::string& name, int64_t channels) {
  weights.Add(name + ".weight", {channels});
  weights.Add(name + ".bias", {channels});
}

UNetResnet MakeResnet(TestWeights& weights) {
  for (const char* name : {"conv1", "conv2"}) {
    weights.Add(std::string(name) + ".weight", {kChannels, kChannels, 3, 3}, 0.1);
    weights.Add(std::string(name) + ".bias", {kChannels});
  }
  for (const char* name : {"norm1", "norm2"}) AddNorm(weights, name, kChannels);
  AddLinear(weights, "time_emb_proj", kChannels, kTimeFeatures, true);
  return {weights.scope(), kGroups, 1e-5};
}

SpatialTransformer MakeTransformer(TestWeights& weights) {
  AddNorm(weights, "norm", kChannels);
  for (const char* name : {"proj_in", "proj_out"}) {
    AddLinear(weights, name, kChannels, kChannels, true);
  }
  const std::string block = "transformer_blocks.0.";
  for (const char* name : {"norm1", "norm2", "norm3"}) AddNorm(weights, block + name, kChannels);
  for (const char* name : {"attn1.", "attn2."}) {
    for (const char* layer : {"to_q", "to_k", "to_v"}) {
      AddLinear(weights, block + name + layer, kChannels, kChannels, false);
    }
    AddLinear(weights, block + name + "to_out.0", kChannels, kChannels, true);
  }
  AddLinear(weights, block + "ff.net.0.proj", 8 * kChannels, kChannels, true);
  AddLinear(weights, block + "ff.net.2", kChannels, 4 * kChannels, true);
  return {weights.scope(), /*heads=*/2, kGroups, kChannels, 0};
}

// Adds a trained change to a layer's output.
class TrainedChange : public OperatorPatch {
 public:
  explicit TrainedChange(at::Tensor factor) : factor_(std::move(factor)) {}
  at::Tensor Forward(const OperatorInput& input,
                     absl::FunctionRef<at::Tensor(const at::Tensor&)> original) const override {
    return original(input.x) * factor_;
  }

 private:
  at::Tensor factor_;
};

struct Outcome {
  at::Tensor output;
  std::vector<at::Tensor> gradients;
  int recomputed = 0;  // modules
};

int CountRecomputed(const at::Tensor& output) {
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> open = {output.grad_fn().get()};
  int count = 0;
  while (!open.empty()) {
    torch::autograd::Node* const node = open.back();
    open.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (node->name().find("RecomputedModule") != std::string::npos) ++count;
    for (const auto& edge : node->next_edges()) open.push_back(edge.function.get());
  }
  return count;
}

using Forward = std::function<at::Tensor(const at::Tensor&, const UNetCall&)>;

// What surrounds the module that is tried.
struct Surroundings {
  TextContext text;
  OperatorTable patches;
  DenoiserHooks hooks;
  at::Tensor time = at::randn({1, kTimeFeatures});
  std::vector<at::Tensor> trained;  // beside the features
  uint32_t pictures = 3;
};

// The call is gone by the time gradients are taken.
Outcome Differentiate(const Forward& forward, const Surroundings& with, const at::Tensor& input,
                      int64_t least_numbers) {
  const c10::AutoGradMode gradients(true);
  std::vector<at::Tensor> inputs = {input.detach().requires_grad_(true)};
  inputs.insert(inputs.end(), with.trained.begin(), with.trained.end());
  Outcome outcome;
  {
    patchbay_step step{};
    step.picture_count = with.pictures;
    const Evaluation evaluation{step, {}};
    UNetCall call{with.text, {with.patches, &evaluation}, with.hooks, with.time, nullptr};
    call.lasting = std::make_shared<const LastingCall>(call, least_numbers);
    outcome.output = forward(inputs.front(), call);
  }
  outcome.recomputed = CountRecomputed(outcome.output);
  outcome.gradients = torch::autograd::grad({(outcome.output * outcome.output).sum()}, inputs);
  return outcome;
}

// Runs both ways; how many modules were computed again.
int ExpectTheSameGradients(const Forward& forward, const Surroundings& with) {
  const at::Tensor input = at::randn({3, kChannels, 6, 5});
  const Outcome kept = Differentiate(forward, with, input, kNever);
  const Outcome again = Differentiate(forward, with, input, 0);
  EXPECT_EQ(kept.recomputed, 0);
  EXPECT_LT(RelativeError(again.output, kept.output), 1e-5);
  for (size_t i = 0; i < kept.gradients.size(); ++i) {
    EXPECT_GT(kept.gradients[i].abs().max().item<double>(), 0) << i;
    EXPECT_LT(RelativeError(again.gradients[i], kept.gradients[i]), 1e-5) << i;
  }
  return again.recomputed;
}

Surroundings WithText() {
  Surroundings with;
  with.text.keys_and_values = {{at::randn({3, 7, kChannels}), at::randn({3, 7, kChannels})}};
  return with;
}

TEST(RecomputationTest, Resnet) {
  TestWeights weights(at::kFloat);
  const UNetResnet resnet = MakeResnet(weights);
  const Forward forward = [&](const at::Tensor& x, const UNetCall& call) {
    return resnet.Forward(x, call);
  };
  Surroundings with;
  EXPECT_EQ(ExpectTheSameGradients(forward, with), 1);
  with.hooks.norms_over_pictures = true;
  EXPECT_EQ(ExpectTheSameGradients(forward, with), 1);
}

TEST(RecomputationTest, Transformer) {
  TestWeights weights(at::kFloat);
  const SpatialTransformer transformer = MakeTransformer(weights);
  EXPECT_EQ(
      ExpectTheSameGradients(
          [&](const at::Tensor& x, const UNetCall& call) { return transformer.Forward(x, call); },
          WithText()),
      1);
}

TEST(RecomputationTest, KeepsWhatTrainedPartsHangOn) {
  TestWeights weights(at::kFloat);
  const SpatialTransformer transformer = MakeTransformer(weights);
  const Forward forward = [&](const at::Tensor& x, const UNetCall& call) {
    return transformer.Forward(x, call);
  };
  // The feed-forward layer alone is computed again.
  Surroundings patched = WithText();
  const at::Tensor factor = at::randn({kChannels}).requires_grad_(true);
  patched.trained = {factor};
  // proj_in, then to_q.
  patched.patches.Set(SiteIndex{1}, weights.sites(), std::make_shared<TrainedChange>(factor));
  EXPECT_EQ(ExpectTheSameGradients(forward, patched), 1);

  Surroundings hooked = WithText();
  hooked.trained = {factor};
  for (size_t site = 0; site < weights.sites(); ++site) {
    hooked.hooks.attentions.At(SiteIndex{static_cast<int32_t>(site)}, weights.sites())
        .before.push_back([&factor](const Evaluation&, const TokenGrid&, const at::Tensor& tokens) {
          return tokens * factor;
        });
  }
  EXPECT_EQ(ExpectTheSameGradients(forward, hooked), 0);
}

TEST(RecomputationTest, KeepsWhatTrainedTextReaches) {
  TestWeights weights(at::kFloat);
  const SpatialTransformer transformer = MakeTransformer(weights);
  Surroundings with = WithText();
  with.trained = {with.text.keys_and_values.front().key.requires_grad_(true)};
  EXPECT_EQ(
      ExpectTheSameGradients(
          [&](const at::Tensor& x, const UNetCall& call) { return transformer.Forward(x, call); },
          with),
      1);
}

TEST(RecomputationTest, KeepsWhatATrainedTimeReaches) {
  TestWeights weights(at::kFloat);
  const UNetResnet resnet = MakeResnet(weights);
  Surroundings with;
  with.trained = {with.time.requires_grad_(true)};
  EXPECT_EQ(
      ExpectTheSameGradients(
          [&](const at::Tensor& x, const UNetCall& call) { return resnet.Forward(x, call); }, with),
      0);
}

TEST(RecomputationTest, KeepsWhatIsSmall) {
  TestWeights weights(at::kFloat);
  const UNetResnet resnet = MakeResnet(weights);
  const Surroundings with;
  const at::Tensor input = at::randn({3, kChannels, 6, 5});
  const Forward forward = [&](const at::Tensor& x, const UNetCall& call) {
    return resnet.Forward(x, call);
  };
  EXPECT_EQ(Differentiate(forward, with, input, input.numel()).recomputed, 1);
  EXPECT_EQ(Differentiate(forward, with, input, input.numel() + 1).recomputed, 0);
}

}  // namespace
}  // namespace patchbay
