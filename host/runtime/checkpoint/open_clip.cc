#include "host/runtime/checkpoint/open_clip.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/runtime/checkpoint/ldm_names.h"
#include "host/runtime/checkpoint/weight_names.h"

namespace patchbay {
namespace {

constexpr int64_t kOpenClipHLayers = 24;
constexpr std::string_view kJointProjection = "attn.in_proj_";
// OpenCLIP's own name for the layers, and transformers'.
constexpr char kBlocks[] = "transformer.resblocks";
constexpr char kLayers[] = "text_model.encoder.layers";

// The number of layers that the model uses. Complete OpenCLIP files are told by their projection or
// by their 24 layers; files converted back from diffusers carry the 23 used layers and no
// projection.
int64_t UsedLayers(const WeightMap& open_clip, OpenClipUse use) {
  const int64_t layers = CountChildren(open_clip, kBlocks) + CountChildren(open_clip, kLayers);
  if (use == OpenClipUse::kProjected) return layers;
  const bool has_projection =
      open_clip.count("text_projection") != 0 || open_clip.count("text_model.text_projection") != 0;
  const bool complete = has_projection && layers != kOpenClipHLayers - 1;
  return complete || layers == kOpenClipHLayers ? layers - 1 : layers;
}

// "transformer.resblocks.0.attn.in_proj_weight" to q_proj.weight, k_proj.weight, v_proj.weight.
absl::Status SplitJointProjection(const std::string& name, const StoredWeight& stored,
                                  WeightMap& result) {
  const size_t joint = name.find(kJointProjection);
  const std::string kind = name.substr(joint + kJointProjection.size());
  const std::optional<std::string> out =
      TextEncoderDiffusersName(absl::StrCat(name.substr(0, joint), "attn.out_proj"));
  if (!out || stored.tensor.dim() < 1 || stored.tensor.size(0) % 3 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the text encoder's ", name, " cannot be split into query, key and value"));
  }
  const std::string attention = out->substr(0, out->rfind(".out_proj"));
  const int64_t rows = stored.tensor.size(0) / 3;
  int64_t first = 0;
  for (const char* projection : {"q_proj", "k_proj", "v_proj"}) {
    result.emplace(absl::StrCat(attention, ".", projection, ".", kind),
                   stored.SeenAs(stored.tensor.narrow(0, first, rows)));
    first += rows;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WeightMap> ConvertOpenClip(const WeightMap& open_clip, OpenClipUse use) {
  const int64_t used = UsedLayers(open_clip, use);
  const std::string unused_block = absl::StrCat(kBlocks, ".", used, ".");
  const std::string unused_layer = absl::StrCat(kLayers, ".", used, ".");
  WeightMap result;
  for (const auto& [name, stored] : open_clip) {
    if (name == "logit_scale" || name == "attn_mask" || name.ends_with("position_ids") ||
        name.starts_with(unused_block) || name.starts_with(unused_layer)) {
      continue;
    }
    if (name == "text_projection" || name == "text_projection.weight" ||
        name == "text_model.text_projection") {
      if (use == OpenClipUse::kPenultimate) continue;
      const bool bare = !name.ends_with(".weight") && stored.tensor.dim() == 2;
      result.emplace("text_projection.weight", bare ? stored.SeenAs(stored.tensor.t()) : stored);
    } else if (name.find(kJointProjection) != std::string::npos) {
      PATCHBAY_RETURN_IF_ERROR(SplitJointProjection(name, stored, result));
    } else {
      result.emplace(TextEncoderDiffusersName(name).value_or(name), stored);
    }
  }
  return result;
}

}  // namespace patchbay
