// patchbay_lora_probe CHECKPOINT FOLDER LORA:UNET_WEIGHT:TEXT_WEIGHT... : writes the tensors of
// each component with the LoRAs merged, in fp32, and prints the warnings as JSON. Where all LoRAs
// are plain, the U-Net's output with side branches is compared with that of the merged weights too.

#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/denoiser/unet.h"
#include "host/runtime/lora/lora_set.h"
#include "tests/parity/checkpoint/dump.h"

namespace patchbay {
namespace {

WeightedLora ParseLora(const std::string& text) {
  const size_t second = text.rfind(':');
  const size_t first = text.rfind(':', second - 1);
  return {text.substr(0, first), std::stod(text.substr(first + 1, second - first - 1)),
          std::stod(text.substr(second + 1))};
}

absl::Status DumpMerged(const std::string& path, const WeightMap& weights, const LoraSet& loras,
                        LoraComponent component) {
  WeightReader reader("a component", weights, at::kFloat, at::kCPU);
  loras.MergeInto(component, reader);
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, stored] : weights) {
    tensors.emplace(name, reader.Read(name, stored.tensor.sizes()));
  }
  PATCHBAY_RETURN_IF_ERROR(reader.Finish());
  return DumpTensors(path, tensors);
}

absl::StatusOr<at::Tensor> RunUNet(const UNet& unet, const OperatorTable& operators) {
  at::manual_seed(1);
  UNetText text;
  text.hidden_states = at::randn({2, 77, unet.text_features()});
  PATCHBAY_ASSIGN_OR_RETURN(const TextContext context, unet.PrepareText(text, operators));
  UNetInput input;
  input.sample = at::randn({2, unet.in_channels(), 16, 12});
  input.timestep = at::full({1}, 321.0);
  return unet.Forward(input, context, operators);
}

absl::StatusOr<std::unique_ptr<const UNet>> LoadUNet(const Checkpoint& checkpoint,
                                                     const LoraSet* merged) {
  WeightReader reader("the U-Net", checkpoint.unet, at::kFloat, at::kCPU);
  if (merged != nullptr) merged->MergeInto(LoraComponent::kUNet, reader);
  return UNet::Load(reader, checkpoint.unet_config);
}

// The largest difference between merged weights and side branches, and what the LoRAs change at
// all.
absl::StatusOr<nlohmann::json> CompareBranches(const Checkpoint& checkpoint, const LoraSet& loras) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto plain, LoadUNet(checkpoint, nullptr));
  PATCHBAY_ASSIGN_OR_RETURN(const auto merged, LoadUNet(checkpoint, &loras));
  const auto branches =
      loras.SideBranches(LoraComponent::kUNet, plain->sites(), at::kFloat, at::kCPU);
  if (!branches.ok()) return nlohmann::json{{"refused", std::string(branches.status().message())}};
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor original, RunUNet(*plain, OperatorTable()));
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor expected, RunUNet(*merged, OperatorTable()));
  PATCHBAY_ASSIGN_OR_RETURN(const at::Tensor actual, RunUNet(*plain, *branches));
  const double scale = expected.abs().max().item<double>();
  return nlohmann::json{{"error", (actual - expected).abs().max().item<double>() / scale},
                        {"effect", (expected - original).abs().max().item<double>() / scale}};
}

absl::Status Run(const std::string& path, const std::string& folder,
                 const std::vector<WeightedLora>& choices) {
  PATCHBAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  PATCHBAY_ASSIGN_OR_RETURN(const LoraSet loras, LoraSet::Open(choices, checkpoint));
  PATCHBAY_RETURN_IF_ERROR(
      DumpMerged(folder + "/unet.safetensors", checkpoint.unet, loras, LoraComponent::kUNet));
  for (size_t i = 0; i < checkpoint.text_encoders.size(); ++i) {
    PATCHBAY_RETURN_IF_ERROR(DumpMerged(
        folder + "/text_" + std::to_string(i) + ".safetensors", checkpoint.text_encoders[i].weights,
        loras, i == 0 ? LoraComponent::kTextEncoder : LoraComponent::kTextEncoder2));
  }
  nlohmann::json result = {{"warnings", loras.warnings()}};
  if (checkpoint.text_encoders.size() == 1) {
    PATCHBAY_ASSIGN_OR_RETURN(result["branches"], CompareBranches(checkpoint, loras));
  }
  std::cout << result.dump() << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: patchbay_lora_probe CHECKPOINT FOLDER LORA:UNET_WEIGHT:TEXT_WEIGHT...\n";
    return 2;
  }
  std::vector<patchbay::WeightedLora> loras;
  for (int i = 3; i < argc; ++i) loras.push_back(patchbay::ParseLora(argv[i]));
  const absl::Status status = patchbay::Run(argv[1], argv[2], loras);
  if (status.ok()) return 0;
  std::cerr << std::string(status.message()) << "\n";
  return 1;
}
