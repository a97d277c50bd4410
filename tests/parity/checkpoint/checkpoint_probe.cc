// patchbay_checkpoint_probe CHECKPOINT FOLDER: writes the tensors of each component under the names
// that OpenCheckpoint gives them, in fp32 (of quantized ones what their blocks stand for), and
// prints the description and the configurations as JSON.

#include <iostream>
#include <nlohmann/json.hpp>

#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/checkpoint.h"
#include "host/runtime/checkpoint/ldm_names.h"
#include "tests/parity/checkpoint/dump.h"

namespace patchbay {
namespace {

absl::Status Dump(const std::string& path, const WeightMap& weights) {
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [name, stored] : weights) tensors.emplace(name, stored.Values());
  return DumpTensors(path, tensors);
}

nlohmann::json LdmNames(const WeightMap& unet) {
  const UNetLdmLayout layout = UNetLdmLayout::FromDiffusers(unet);
  nlohmann::json names = nlohmann::json::object();
  for (const auto& [name, stored] : unet) {
    const auto ldm = UNetLdmName(name, layout);
    names[name] = ldm ? nlohmann::json(*ldm) : nlohmann::json(nullptr);
  }
  return names;
}

absl::Status Run(const std::string& path, const std::string& folder) {
  PATCHBAY_ASSIGN_OR_RETURN(const Checkpoint checkpoint, OpenCheckpoint(path));
  PATCHBAY_RETURN_IF_ERROR(Dump(folder + "/unet.safetensors", checkpoint.unet));
  PATCHBAY_RETURN_IF_ERROR(Dump(folder + "/vae.safetensors", checkpoint.autoencoder));
  nlohmann::json text_encoders = nlohmann::json::array();
  for (size_t i = 0; i < checkpoint.text_encoders.size(); ++i) {
    const TextEncoderPart& part = checkpoint.text_encoders[i];
    PATCHBAY_RETURN_IF_ERROR(
        Dump(folder + "/text_" + std::to_string(i) + ".safetensors", part.weights));
    text_encoders.push_back(
        {{"heads", part.config.heads},
         {"activation", part.config.activation == TextActivation::kGelu ? "gelu" : "quick_gelu"},
         {"eos_token_id", part.config.eos_token_id},
         {"pad_token_id", part.pad_token_id},
         {"tokenizer", part.tokenizer_folder}});
  }
  const UNetConfig& unet = checkpoint.unet_config;
  const AutoencoderConfig& vae = checkpoint.autoencoder_config;
  const nlohmann::json result = {
      {"description", nlohmann::json::parse(DescriptionJson(checkpoint.description))},
      {"unet",
       {{"heads", unet.heads},
        {"mid_heads", unet.mid_heads},
        {"norm_groups", unet.norm_groups},
        {"addition_time_embed_dim", unet.addition_time_embed_dim},
        {"upcast_attention", unet.upcast_attention}}},
      {"vae",
       {{"scaling_factor", vae.scaling_factor},
        {"latents_mean", vae.latents_mean},
        {"latents_std", vae.latents_std},
        {"force_upcast", vae.force_upcast}}},
      {"text_encoders", text_encoders},
      {"ldm_names", LdmNames(checkpoint.unet)}};
  std::cout << result.dump() << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace patchbay

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: patchbay_checkpoint_probe CHECKPOINT FOLDER\n";
    return 2;
  }
  const absl::Status status = patchbay::Run(argv[1], argv[2]);
  if (status.ok()) return 0;
  std::cerr << std::string(status.message()) << "\n";
  return 1;
}
