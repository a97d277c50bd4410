#include <utility>

#include "bridges/comfyui/core_nodes.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kConditioning[] = "conditioning";
constexpr char kAdvanced[] = "advanced/conditioning";

Values TextEncode(NodeCall& call) {
  return std::vector<NodeValue>{ConditioningValue{call.Text("text"), call.Get<ClipValue>("clip")}};
}

Values TextEncodeSdxl(NodeCall& call) {
  ConditioningValue value{call.Text("text_g"), call.Get<ClipValue>("clip")};
  if (call.Text("text_l") != value.text) {
    return absl::UnimplementedError(
        "text_g and text_l differ, and this server reads one text with both of the model's "
        "encoders; "
        "give both the same");
  }
  const auto pixels = [&call](const char* name) { return static_cast<int>(call.Int(name)); };
  value.sizes = {pixels("width"),  pixels("height"),       pixels("crop_w"),
                 pixels("crop_h"), pixels("target_width"), pixels("target_height")};
  return std::vector<NodeValue>{std::move(value)};
}

Values SetLastLayer(NodeCall& call) {
  ClipValue clip = call.Get<ClipValue>("clip");
  clip.last_layer = static_cast<int>(call.Int("stop_at_clip_layer"));
  return std::vector<NodeValue>{std::move(clip)};
}

Values ZeroOut(NodeCall& call) {
  ConditioningValue value = call.Get<ConditioningValue>("conditioning");
  value.text.clear();
  value.obstacle =
      "it was zeroed (ConditioningZeroOut), and this server draws with texts; as the negative "
      "conditioning it can be used where cfg is 1, which does not look at it";
  return std::vector<NodeValue>{std::move(value)};
}

Values Average(NodeCall& call) {
  if (call.Float("conditioning_to_strength") != 1) {
    return absl::UnimplementedError(
        "this server draws with one text and cannot average two; with a conditioning_to_strength "
        "of "
        "1 the first one is drawn with");
  }
  return std::vector<NodeValue>{call.Get<ConditioningValue>("conditioning_to")};
}

Values SetTimestepRange(NodeCall& call) {
  if (call.Float("start") > 0 || call.Float("end") < 1) {
    return absl::UnimplementedError(
        "this server draws all steps with the same texts; set start to 0 and end to 1, or draw a "
        "part of the steps with another text (KSamplerAdvanced)");
  }
  return std::vector<NodeValue>{call.Get<ConditioningValue>("conditioning")};
}

}  // namespace

void AddConditioningNodes(NodeCatalogue& catalogue) {
  const InputSpec clip = SocketInput("clip", "CLIP");
  const InputSpec conditioning = SocketInput("conditioning", "CONDITIONING");
  const auto side = [](const std::string& name, int value) {
    return IntInput(name, value, 0, kMaxSide);
  };
  Add(catalogue, MakeNode("CLIPTextEncode", "CLIP Text Encode (Prompt)", kConditioning,
                          {TextInput("text", true), clip}, {"CONDITIONING"}, TextEncode));
  Add(catalogue,
      MakeNode("CLIPTextEncodeSDXL", "CLIPTextEncodeSDXL", kAdvanced,
               {clip, side("width", 1024), side("height", 1024), side("crop_w", 0),
                side("crop_h", 0), side("target_width", 1024), side("target_height", 1024),
                TextInput("text_g", true), TextInput("text_l", true)},
               {"CONDITIONING"}, TextEncodeSdxl));
  Add(catalogue,
      MakeNode("CLIPSetLastLayer", "CLIP Set Last Layer", kConditioning,
               {clip, IntInput("stop_at_clip_layer", -1, -24, -1)}, {"CLIP"}, SetLastLayer));
  Add(catalogue, MakeNode("ConditioningZeroOut", "ConditioningZeroOut", kAdvanced, {conditioning},
                          {"CONDITIONING"}, ZeroOut));
  // ComfyUI's name of this class ends with a space.
  Add(catalogue, MakeNode("ConditioningAverage ", "Conditioning (Average)", kConditioning,
                          {SocketInput("conditioning_to", "CONDITIONING"),
                           SocketInput("conditioning_from", "CONDITIONING"),
                           FloatInput("conditioning_to_strength", 1.0, 0.0, 1.0, 0.01)},
                          {"CONDITIONING"}, Average));
  Add(catalogue, MakeNode("ConditioningSetTimestepRange", "ConditioningSetTimestepRange", kAdvanced,
                          {conditioning, FloatInput("start", 0.0, 0.0, 1.0, 0.001),
                           FloatInput("end", 1.0, 0.0, 1.0, 0.001)},
                          {"CONDITIONING"}, SetTimestepRange));
}

}  // namespace patchbay::comfyui
