#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/sampling.h"
#include "bridges/comfyui/sampling_inputs.h"
#include "bridges/comfyui/sigmas.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kCustom[] = "sampling/custom_sampling";

// Whether the last step, which leads to level 0, ends at what the denoiser said last.
bool EndsAtPrediction(const std::string& sampler) {
  return sampler != "lms" && sampler != "uni_pc" && sampler != "uni_pc_bh2";
}

// The latent, and what the denoiser took it to be in the last step.
Values Outputs(LatentValue latent, const SamplingRequest& request, bool ends_early) {
  std::vector<NodeValue> values = {latent};
  if (!ends_early && EndsAtPrediction(request.sampler)) {
    values.emplace_back(std::move(latent));
  } else {
    values.emplace_back(UnavailableValue{absl::StrCat(
        "denoised_output is the denoiser's last prediction, which this server gives only where the "
        "sampler ends at it; here ",
        ends_early ? "noise is left" : request.sampler + " ends elsewhere", "; use output")});
  }
  return values;
}

Values DrawCustom(const GuiderValue& guider, const NoiseValue& noise, NodeCall& call) {
  const auto& sigmas = call.Get<SigmasValue>("sigmas");
  SamplingRequest request{noise.seed,       sigmas.steps,
                          guider.cfg,       call.Get<SamplerValue>("sampler").name,
                          sigmas.scheduler, sigmas.denoise,
                          guider.model,     guider.positive,
                          guider.negative,  call.Get<LatentValue>("latent_image")};
  BRIDGE_ASSIGN_OR_RETURN(const SigmasPlan plan,
                          PlanSigmas(sigmas, request.sampler, noise.is_added));
  if (plan.is_nothing) return std::vector<NodeValue>{request.latent, request.latent};
  request.range = plan.range;
  BRIDGE_ASSIGN_OR_RETURN(LatentValue latent, Sample(request, call));
  return Outputs(std::move(latent), request, sigmas.last.has_value());
}

Values Custom(NodeCall& call) {
  return DrawCustom({call.Get<ModelValue>("model"), call.Get<ConditioningValue>("positive"),
                     call.Get<ConditioningValue>("negative"), call.Float("cfg")},
                    {SeedOf(call, "noise_seed"), call.Bool("add_noise")}, call);
}

Values CustomAdvanced(NodeCall& call) {
  return DrawCustom(call.Get<GuiderValue>("guider"), call.Get<NoiseValue>("noise"), call);
}

Values CfgGuider(NodeCall& call) {
  return std::vector<NodeValue>{
      GuiderValue{call.Get<ModelValue>("model"), call.Get<ConditioningValue>("positive"),
                  call.Get<ConditioningValue>("negative"), call.Float("cfg")}};
}

Values BasicGuider(NodeCall& call) {
  const auto& text = call.Get<ConditioningValue>("conditioning");
  ConditioningValue nothing;
  nothing.clip = text.clip;
  return std::vector<NodeValue>{GuiderValue{call.Get<ModelValue>("model"), text, nothing, 1}};
}

NodeClass WithBothOutputs(NodeClass node) {
  node.outputs = {{"LATENT", "output"}, {"LATENT", "denoised_output"}};
  return node;
}

}  // namespace

void AddCustomSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  const InputSpec model = SocketInput("model", "MODEL");
  const InputSpec positive = SocketInput("positive", "CONDITIONING");
  const InputSpec negative = SocketInput("negative", "CONDITIONING");
  const std::vector<InputSpec> path = {SocketInput("sampler", "SAMPLER"),
                                       SocketInput("sigmas", "SIGMAS"),
                                       SocketInput("latent_image", "LATENT")};
  AddDrawing(sources,
             WithBothOutputs(MakeNode("SamplerCustom", "SamplerCustom", kCustom,
                                      {model, BoolInput("add_noise", true), SeedInput("noise_seed"),
                                       CfgInput(), positive, negative, path[0], path[1], path[2]},
                                      {}, Custom)),
             catalogue);
  AddDrawing(sources,
             WithBothOutputs(MakeNode("SamplerCustomAdvanced", "SamplerCustomAdvanced", kCustom,
                                      {SocketInput("noise", "NOISE"),
                                       SocketInput("guider", "GUIDER"), path[0], path[1], path[2]},
                                      {}, CustomAdvanced)),
             catalogue);
  const auto add = [&](const std::string& name, const std::string& part,
                       std::vector<InputSpec> inputs, const std::string& output,
                       std::function<Values(NodeCall&)> run) {
    Add(catalogue, MakeNode(name, name, absl::StrCat(kCustom, "/", part), std::move(inputs),
                            {output}, std::move(run)));
  };
  add("KSamplerSelect", "samplers", {ComboInput("sampler_name", SamplerNamesOf(sources))},
      "SAMPLER", [](NodeCall& call) -> Values {
        return std::vector<NodeValue>{SamplerValue{call.Text("sampler_name")}};
      });
  add("RandomNoise", "noise", {SeedInput("noise_seed")}, "NOISE", [](NodeCall& call) -> Values {
    return std::vector<NodeValue>{NoiseValue{SeedOf(call, "noise_seed"), true}};
  });
  add("DisableNoise", "noise", {}, "NOISE", [](NodeCall&) -> Values {
    return std::vector<NodeValue>{NoiseValue{0, false}};
  });
  add("CFGGuider", "guiders", {model, positive, negative, CfgInput()}, "GUIDER", CfgGuider);
  add("BasicGuider", "guiders", {model, SocketInput("conditioning", "CONDITIONING")}, "GUIDER",
      BasicGuider);
}

}  // namespace patchbay::comfyui
