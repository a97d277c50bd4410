#include <algorithm>
#include <utility>

#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/sampling.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kSampling[] = "sampling";
constexpr uint64_t kMaxSeed = UINT64_MAX;

InputSpec Seed(const std::string& name) {
  InputSpec input = IntInput(name, 0, 0, kMaxSeed);
  input.options["control_after_generate"] = true;
  return input;
}

InputSpec Cfg() {
  InputSpec input = FloatInput("cfg", 8.0, 0.0, 100.0, 0.1);
  input.options["round"] = 0.01;
  return input;
}

uint64_t SeedOf(const NodeCall& call, const char* name) {
  return call.Get<Json>(name).get<uint64_t>();
}

NodeClass KSampler(const std::vector<std::string>& samplers) {
  NodeClass node{"KSampler", "KSampler", kSampling, {}, {{"LATENT", "LATENT"}}, false, {}};
  node.inputs = {
      SocketInput("model", "MODEL"),           Seed("seed"),
      IntInput("steps", 20, 1, 10000),         Cfg(),
      ComboInput("sampler_name", samplers),    ComboInput("scheduler", SchedulerNames()),
      SocketInput("positive", "CONDITIONING"), SocketInput("negative", "CONDITIONING"),
      SocketInput("latent_image", "LATENT"),   FloatInput("denoise", 1.0, 0.0, 1.0, 0.01)};
  node.run = [](NodeCall& call) -> Values {
    SamplingRequest request{SeedOf(call, "seed"),
                            static_cast<int>(call.Int("steps")),
                            call.Float("cfg"),
                            call.Text("sampler_name"),
                            call.Text("scheduler"),
                            call.Float("denoise"),
                            call.Get<ModelValue>("model"),
                            call.Get<ConditioningValue>("positive"),
                            call.Get<ConditioningValue>("negative"),
                            call.Get<LatentValue>("latent_image")};
    BRIDGE_ASSIGN_OR_RETURN(LatentValue latent, Sample(request, call));
    return std::vector<NodeValue>{std::move(latent)};
  };
  return node;
}

NodeClass SamplerSelect(const std::vector<std::string>& samplers) {
  NodeClass node{"KSamplerSelect",
                 "KSamplerSelect",
                 "sampling/custom_sampling/samplers",
                 {},
                 {{"SAMPLER", "SAMPLER"}},
                 false,
                 {}};
  node.inputs = {ComboInput("sampler_name", samplers)};
  node.run = [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{SamplerValue{call.Text("sampler_name")}};
  };
  return node;
}

NodeClass BasicScheduler() {
  NodeClass node{"BasicScheduler",
                 "BasicScheduler",
                 "sampling/custom_sampling/schedulers",
                 {},
                 {{"SIGMAS", "SIGMAS"}},
                 false,
                 {}};
  node.inputs = {SocketInput("model", "MODEL"), ComboInput("scheduler", SchedulerNames()),
                 IntInput("steps", 20, 1, 10000), FloatInput("denoise", 1.0, 0.0, 1.0, 0.01)};
  node.run = [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{SigmasValue{
        call.Text("scheduler"), static_cast<int>(call.Int("steps")), call.Float("denoise")}};
  };
  return node;
}

NodeClass RandomNoise() {
  NodeClass node{"RandomNoise",
                 "RandomNoise",
                 "sampling/custom_sampling/noise",
                 {},
                 {{"NOISE", "NOISE"}},
                 false,
                 {}};
  node.inputs = {Seed("noise_seed")};
  node.run = [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{NoiseValue{SeedOf(call, "noise_seed")}};
  };
  return node;
}

NodeClass CfgGuider() {
  NodeClass node{
      "CFGGuider", "CFGGuider", "sampling/custom_sampling/guiders", {}, {{"GUIDER", "GUIDER"}},
      false,       {}};
  node.inputs = {SocketInput("model", "MODEL"), SocketInput("positive", "CONDITIONING"),
                 SocketInput("negative", "CONDITIONING"), Cfg()};
  node.run = [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{
        GuiderValue{call.Get<ModelValue>("model"), call.Get<ConditioningValue>("positive"),
                    call.Get<ConditioningValue>("negative"), call.Float("cfg")}};
  };
  return node;
}

NodeClass BasicGuider() {
  NodeClass node{"BasicGuider",
                 "BasicGuider",
                 "sampling/custom_sampling/guiders",
                 {},
                 {{"GUIDER", "GUIDER"}},
                 false,
                 {}};
  node.inputs = {SocketInput("model", "MODEL"), SocketInput("conditioning", "CONDITIONING")};
  node.run = [](NodeCall& call) -> Values {
    const auto& text = call.Get<ConditioningValue>("conditioning");
    return std::vector<NodeValue>{
        GuiderValue{call.Get<ModelValue>("model"), text, {"", text.clip}, 1}};
  };
  return node;
}

NodeClass SamplerCustomAdvanced() {
  NodeClass node{"SamplerCustomAdvanced",
                 "SamplerCustomAdvanced",
                 "sampling/custom_sampling",
                 {},
                 {{"LATENT", "output"}, {"LATENT", "denoised_output"}},
                 false,
                 {}};
  node.inputs = {SocketInput("noise", "NOISE"), SocketInput("guider", "GUIDER"),
                 SocketInput("sampler", "SAMPLER"), SocketInput("sigmas", "SIGMAS"),
                 SocketInput("latent_image", "LATENT")};
  node.run = [](NodeCall& call) -> Values {
    const auto& guider = call.Get<GuiderValue>("guider");
    const auto& sigmas = call.Get<SigmasValue>("sigmas");
    SamplingRequest request{call.Get<NoiseValue>("noise").seed,
                            sigmas.steps,
                            guider.cfg,
                            call.Get<SamplerValue>("sampler").name,
                            sigmas.scheduler,
                            sigmas.denoise,
                            guider.model,
                            guider.positive,
                            guider.negative,
                            call.Get<LatentValue>("latent_image")};
    BRIDGE_ASSIGN_OR_RETURN(const LatentValue latent, Sample(request, call));
    return std::vector<NodeValue>{latent, latent};
  };
  return node;
}

NodeClass TextEncode() {
  NodeClass node{"CLIPTextEncode",
                 "CLIP Text Encode (Prompt)",
                 "conditioning",
                 {},
                 {{"CONDITIONING", "CONDITIONING"}},
                 false,
                 {}};
  node.inputs = {TextInput("text", true), SocketInput("clip", "CLIP")};
  node.run = [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{
        ConditioningValue{call.Text("text"), call.Get<ClipValue>("clip")}};
  };
  return node;
}

NodeClass SetLastLayer() {
  NodeClass node{
      "CLIPSetLastLayer", "CLIP Set Last Layer", "conditioning", {}, {{"CLIP", "CLIP"}}, false, {}};
  node.inputs = {SocketInput("clip", "CLIP"), IntInput("stop_at_clip_layer", -1, -24, -1)};
  node.run = [](NodeCall& call) -> Values {
    ClipValue clip = call.Get<ClipValue>("clip");
    clip.last_layer = static_cast<int>(call.Int("stop_at_clip_layer"));
    return std::vector<NodeValue>{std::move(clip)};
  };
  return node;
}

}  // namespace

void AddSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  const bool has_cfg_pp =
      std::any_of(sources.plugins.begin(), sources.plugins.end(),
                  [](const PluginDescription& plugin) { return plugin.plugin.id() == "cfgpp"; });
  const std::vector<std::string> samplers = SamplerNames(has_cfg_pp);
  for (NodeClass node : {KSampler(samplers), SamplerCustomAdvanced()}) {
    node.draws = true;
    node.build = sources.active_builds;
    Add(catalogue, std::move(node));
  }
  for (NodeClass node : {SamplerSelect(samplers), BasicScheduler(), RandomNoise(), CfgGuider(),
                         BasicGuider(), TextEncode(), SetLastLayer()}) {
    Add(catalogue, std::move(node));
  }
}

}  // namespace patchbay::comfyui
