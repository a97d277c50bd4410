#include <algorithm>
#include <utility>

#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/sampling.h"
#include "bridges/comfyui/sampling_inputs.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kSampling[] = "sampling";
constexpr int kMaxSteps = 10000;

// What both nodes have in common.
SamplingRequest RequestOf(NodeCall& call, const char* seed) {
  return {SeedOf(call, seed),
          static_cast<int>(call.Int("steps")),
          call.Float("cfg"),
          call.Text("sampler_name"),
          call.Text("scheduler"),
          1,
          call.Get<ModelValue>("model"),
          call.Get<ConditioningValue>("positive"),
          call.Get<ConditioningValue>("negative"),
          call.Get<LatentValue>("latent_image")};
}

Values Drawn(const SamplingRequest& request, NodeCall& call) {
  BRIDGE_ASSIGN_OR_RETURN(LatentValue latent, Sample(request, call));
  return std::vector<NodeValue>{std::move(latent)};
}

Values KSampler(NodeCall& call) {
  SamplingRequest request = RequestOf(call, "seed");
  request.denoise = call.Float("denoise");
  return Drawn(request, call);
}

Values KSamplerAdvanced(NodeCall& call) {
  SamplingRequest request = RequestOf(call, "noise_seed");
  const auto first = static_cast<int>(call.Int("start_at_step"));
  const auto end = static_cast<int>(call.Int("end_at_step"));
  const bool adds_noise = call.Text("add_noise") == "enable";
  if (first > 0 || end < kMaxSteps || !adds_noise) {
    v1::StepRange& range = request.range.emplace();
    range.set_first(first);
    // A part that ends before it begins is nothing, as one that ends where it begins.
    range.set_end(std::max(first, end));
    range.set_without_added_noise(!adds_noise);
    range.set_keep_noise(call.Text("return_with_leftover_noise") == "enable");
  }
  return Drawn(request, call);
}

}  // namespace

uint64_t SeedOf(const NodeCall& call, const char* name) {
  return call.Get<Json>(name).get<uint64_t>();
}

InputSpec SeedInput(const std::string& name) {
  InputSpec input = IntInput(name, 0, 0, UINT64_MAX);
  input.options["control_after_generate"] = true;
  return input;
}

InputSpec CfgInput() {
  InputSpec input = FloatInput("cfg", 8.0, 0.0, 100.0, 0.1);
  input.options["round"] = 0.01;
  return input;
}

std::vector<std::string> SamplerNamesOf(const CatalogueSources& sources) {
  return SamplerNames(
      std::any_of(sources.plugins.begin(), sources.plugins.end(),
                  [](const PluginDescription& plugin) { return plugin.plugin.id() == "cfgpp"; }));
}

void AddDrawing(const CatalogueSources& sources, NodeClass node, NodeCatalogue& catalogue) {
  node.draws = true;
  node.build = sources.active_builds;
  Add(catalogue, std::move(node));
}

void AddSamplingNodes(const CatalogueSources& sources, NodeCatalogue& catalogue) {
  const InputSpec model = SocketInput("model", "MODEL");
  const InputSpec steps = IntInput("steps", 20, 1, kMaxSteps);
  const InputSpec sampler = ComboInput("sampler_name", SamplerNamesOf(sources));
  const InputSpec scheduler = ComboInput("scheduler", SchedulerNames());
  const InputSpec positive = SocketInput("positive", "CONDITIONING");
  const InputSpec negative = SocketInput("negative", "CONDITIONING");
  const InputSpec latent = SocketInput("latent_image", "LATENT");
  AddDrawing(sources,
             MakeNode("KSampler", "KSampler", kSampling,
                      {model, SeedInput("seed"), steps, CfgInput(), sampler, scheduler, positive,
                       negative, latent, FloatInput("denoise", 1.0, 0.0, 1.0, 0.01)},
                      {"LATENT"}, KSampler),
             catalogue);
  AddDrawing(sources,
             MakeNode("KSamplerAdvanced", "KSampler (Advanced)", kSampling,
                      {model, ComboInput("add_noise", {"enable", "disable"}),
                       SeedInput("noise_seed"), steps, CfgInput(), sampler, scheduler, positive,
                       negative, latent, IntInput("start_at_step", 0, 0, kMaxSteps),
                       IntInput("end_at_step", kMaxSteps, 0, kMaxSteps),
                       ComboInput("return_with_leftover_noise", {"disable", "enable"})},
                      {"LATENT"}, KSamplerAdvanced),
             catalogue);
}

}  // namespace patchbay::comfyui
