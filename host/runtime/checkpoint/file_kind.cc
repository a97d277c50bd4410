#include "host/runtime/checkpoint/file_kind.h"

#include <algorithm>
#include <string_view>

namespace patchbay {
namespace {

struct Mark {
  // Found anywhere in a tensor's name.
  std::string_view part;
  std::string_view kind;
};

constexpr std::string_view kOtherNetwork =
    "a model with another network (a diffusion transformer); this program draws with Stable "
    "Diffusion 1, 2 and XL";

// The first hit wins, so marks that also occur inside other kinds of file come last.
constexpr Mark kMarks[] = {
    {"joint_blocks.", kOtherNetwork},
    {"double_blocks.", kOtherNetwork},
    {"adaln_single.", kOtherNetwork},
    {"attn.add_q_proj.", kOtherNetwork},
    {"lora_controlnet", "a ControlNet in LoRA form, not a checkpoint"},
    {"lora_", "a LoRA, not a checkpoint; give it with --lora beside a --model"},
    {".lora.", "a LoRA, not a checkpoint; give it with --lora beside a --model"},
    {"_lora.", "a LoRA, not a checkpoint; give it with --lora beside a --model"},
    {".hada_w1", "a LoRA (LoHa), not a checkpoint; give it with --lora beside a --model"},
    {".lokr_w", "a LoRA (LoKr), not a checkpoint; give it with --lora beside a --model"},
    {"control_model.", "a ControlNet, not a checkpoint"},
    {"zero_convs.", "a ControlNet, not a checkpoint"},
    {"controlnet_cond_embedding.", "a ControlNet, not a checkpoint"},
    {"ip_adapter.", "an IP-Adapter, not a checkpoint"},
    {"image_proj.", "an IP-Adapter, not a checkpoint"},
    {"body.0.in_conv.", "a T2I-Adapter, not a checkpoint"},
    {"taesd_decoder.", "a TAESD preview decoder, not a checkpoint"},
    {"motion_modules.", "an AnimateDiff motion module, not a checkpoint"},
    {"input_blocks.0.0.",
     "a U-Net alone; a checkpoint also holds an autoencoder and a text encoder"},
    {"down_blocks.0.resnets.0.time_emb_proj.",
     "a U-Net alone; a checkpoint also holds an autoencoder and a text encoder. If it comes from a "
     "diffusers folder, name that folder"},
    {"decoder.conv_in.",
     "an autoencoder (VAE) alone; a checkpoint also holds a U-Net and a text "
     "encoder"},
    {"text_model.encoder.",
     "a text encoder alone; a checkpoint also holds a U-Net and an "
     "autoencoder"},
    {"emb_params", "a textual inversion, not a checkpoint; give it with --embedding"},
    {"clip_l", "a textual inversion, not a checkpoint; give it with --embedding"},
};

}  // namespace

std::string DescribeForeignTensors(const std::vector<std::string>& names) {
  for (const Mark& mark : kMarks) {
    const bool found = std::any_of(names.begin(), names.end(), [&mark](const std::string& name) {
      return name.find(mark.part) != std::string::npos;
    });
    if (found) return std::string(mark.kind);
  }
  return "a file whose tensors this program does not know";
}

std::string DescribeForeignTensors(const SafetensorsFile& file) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : file.tensors()) names.push_back(name);
  return DescribeForeignTensors(names);
}

}  // namespace patchbay
