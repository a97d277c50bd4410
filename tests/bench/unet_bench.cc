#include "tests/bench/unet_bench.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <iostream>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "host/base/status_macros.h"
#include "host/formats/safetensors.h"
#include "host/runtime/checkpoint/weight_reader.h"
#include "host/runtime/denoiser/unet.h"
#include "tests/bench/stopwatch.h"

namespace patchbay {
namespace {

constexpr int64_t kTextTokens = 77;

absl::StatusOr<std::unique_ptr<const UNet>> LoadUNet(const std::string& model,
                                                     at::ScalarType precision) {
  PATCHBAY_ASSIGN_OR_RETURN(
      const SafetensorsFile file,
      SafetensorsFile::Open(model + "/unet/diffusion_pytorch_model.safetensors"));
  WeightMap weights;
  for (const auto& [name, tensor] : file.tensors()) {
    weights[name] = ViewStoredWeight(tensor, file.file());
  }
  const UNetConfig config = DeriveUNetConfig(weights);
  WeightReader reader("the U-Net", std::move(weights), precision, at::kCPU);
  return UNet::Load(reader, config);
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
    } else if (word == "peak") {
      std::cout << PeakBytes() << std::endl;
    }
  }
  return 0;
}

}  // namespace patchbay
