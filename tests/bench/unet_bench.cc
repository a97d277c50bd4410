#include "tests/bench/unet_bench.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/denoiser/unet.h"
#include "host/runtime/hooks/denoiser_hooks.h"
#include "tests/bench/stopwatch.h"

namespace patchbay {
namespace {

constexpr int64_t kTextTokens = 77;

absl::StatusOr<std::unique_ptr<const UNet>> LoadUNet(const std::string& model,
                                                     at::ScalarType precision) {
  WeightMap weights;
  for (const auto& entry : std::filesystem::directory_iterator(model + "/unet")) {
    if (entry.path().extension() != ".safetensors") continue;
    PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(entry.path()));
    for (const auto& [name, tensor] : file.tensors()) {
      weights[name] = ViewStoredWeight(tensor, file.file());
    }
  }
  const UNetConfig config = DeriveUNetConfig(weights);
  WeightReader reader("the U-Net", std::move(weights), precision, at::kCPU);
  return UNet::Load(reader, config);
}

// Tables in which every site is looked up and nothing is found that acts.
DenoiserHooks IdleHooks(size_t sites) {
  DenoiserHooks hooks;
  hooks.operators.Set(SiteIndex{0}, sites, nullptr);
  hooks.attentions.At(SiteIndex{0}, sites);
  hooks.modules.At(SiteIndex{0}, sites);
  hooks.resamplings.At(SiteIndex{0}, sites);
  return hooks;
}

// What a chain without work adds to a step, as a share of it: the median over `pairs` of steps, one
// with it and one without, in turns and right after each other, since the machine's speed drifts.
double IdleChainCost(const UNet& unet, const UNetInput& input, const TextContext& context,
                     int pairs) {
  const OperatorTable no_patches;
  const DenoiserHooks hooks = IdleHooks(unet.sites().sites().size());
  const patchbay_step step{};
  const Evaluation evaluation{step, {}};
  std::vector<double> costs;
  for (int pair = 0; pair < pairs; ++pair) {
    double seconds[2];
    for (const bool idle : {pair % 2 == 0, pair % 2 != 0}) {
      seconds[idle] = Seconds([&] {
        if (idle) {
          unet.Forward(input, context, {hooks.operators, &evaluation}, hooks);
        } else {
          unet.Forward(input, context, no_patches);
        }
      });
    }
    costs.push_back(seconds[true] / seconds[false] - 1);
  }
  return Median(std::move(costs));
}

}  // namespace

int RunUNetBench(const std::string& model, const std::string& precision, int size) {
  const c10::InferenceMode inference;
  const at::ScalarType type = precision == "bf16" ? at::kBFloat16 : at::kFloat;
  absl::StatusOr<std::unique_ptr<const UNet>> unet;
  const double load_seconds = Seconds([&] { unet = LoadUNet(model, type); });
  if (!unet.ok()) {
    std::cerr << unet.status().message() << "\n";
    return 1;
  }
  const OperatorTable no_patches;
  UNetText text;
  text.hidden_states = at::randn({2, kTextTokens, (*unet)->text_features()});
  const absl::StatusOr<TextContext> context = (*unet)->PrepareText(text, no_patches);
  if (!context.ok()) {
    std::cerr << context.status().message() << "\n";
    return 1;
  }
  UNetInput input;
  input.sample = at::randn({2, (*unet)->in_channels(), size / 8, size / 8});
  input.timestep = at::full({1}, 500.0);
  std::cout << "ready " << load_seconds << std::endl;
  for (std::string word; std::cin >> word;) {
    if (word == "step") {
      std::cout << Seconds([&] { (*unet)->Forward(input, *context, no_patches); }) << std::endl;
    } else if (word == "idle") {
      int pairs = 0;
      std::cin >> pairs;
      std::cout << IdleChainCost(**unet, input, *context, pairs) << std::endl;
    } else if (word == "peak") {
      std::cout << PeakBytes() << std::endl;
    }
  }
  return 0;
}

}  // namespace patchbay
