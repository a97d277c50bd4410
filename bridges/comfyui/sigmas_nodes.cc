#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bridges/comfyui/core_nodes.h"
#include "bridges/comfyui/sampling.h"
#include "bridges/comfyui/sigmas.h"
#include "bridges/common/status_macros.h"

namespace patchbay::comfyui {
namespace {

using Values = absl::StatusOr<std::vector<NodeValue>>;

constexpr char kSchedulers[] = "sampling/custom_sampling/schedulers";
constexpr char kSigmas[] = "sampling/custom_sampling/sigmas";
constexpr int kMaxSteps = 10000;

// Numbers by which these nodes mean the levels of Stable Diffusion's own models: their defaults.
constexpr double kHighestSigma = 14.614642;
constexpr double kLowestSigma = 0.0291675;

InputSpec Number(const std::string& name, double value, double high) {
  InputSpec input = FloatInput(name, value, 0.0, high, 0.01);
  input.options["round"] = false;
  return input;
}

bool Is(double value, double wanted) { return std::abs(value - wanted) <= 1e-6 * wanted; }

Values Basic(NodeCall& call) {
  return std::vector<NodeValue>{SigmasValue{
      call.Text("scheduler"), static_cast<int>(call.Int("steps")), call.Float("denoise")}};
}

// A schedule whose shape is given by numbers; the host knows it with one set of them.
Values Named(const char* scheduler, const std::vector<std::pair<const char*, double>>& known,
             NodeCall& call) {
  for (const auto& [name, value] : known) {
    if (Is(call.Float(name), value)) continue;
    return absl::UnimplementedError(absl::StrCat(
        "the input ", name, " is ", call.Float(name), "; this server has the schedule ", scheduler,
        " with ", value, " only, as the models were made for"));
  }
  return std::vector<NodeValue>{SigmasValue{scheduler, static_cast<int>(call.Int("steps"))}};
}

void AddNamed(NodeCatalogue& catalogue, const std::string& name, const char* scheduler,
              std::vector<InputSpec> inputs, std::vector<std::pair<const char*, double>> known) {
  Add(catalogue,
      MakeNode(name, name, kSchedulers, std::move(inputs), {"SIGMAS"},
               [scheduler, known](NodeCall& call) { return Named(scheduler, known, call); }));
}

std::vector<NodeValue> BothOf(std::pair<SigmasValue, SigmasValue> parts) {
  return {std::move(parts.first), std::move(parts.second)};
}

NodeClass Splitting(const std::string& name, InputSpec input,
                    std::function<Values(NodeCall&)> run) {
  NodeClass node = MakeNode(
      name, name, kSigmas, {SocketInput("sigmas", "SIGMAS"), std::move(input)}, {}, std::move(run));
  node.outputs = {{"SIGMAS", "high_sigmas"}, {"SIGMAS", "low_sigmas"}};
  return node;
}

}  // namespace

void AddSigmasNodes(NodeCatalogue& catalogue) {
  const InputSpec steps = IntInput("steps", 20, 1, kMaxSteps);
  const InputSpec high = Number("sigma_max", kHighestSigma, 5000);
  const InputSpec low = Number("sigma_min", kLowestSigma, 5000);
  const std::pair<const char*, double> highest = {"sigma_max", kHighestSigma};
  const std::pair<const char*, double> lowest = {"sigma_min", kLowestSigma};
  Add(catalogue, MakeNode("BasicScheduler", "BasicScheduler", kSchedulers,
                          {SocketInput("model", "MODEL"), ComboInput("scheduler", SchedulerNames()),
                           steps, FloatInput("denoise", 1.0, 0.0, 1.0, 0.01)},
                          {"SIGMAS"}, Basic));
  AddNamed(catalogue, "KarrasScheduler", "karras", {steps, high, low, Number("rho", 7, 100)},
           {highest, lowest, {"rho", 7}});
  AddNamed(catalogue, "ExponentialScheduler", "exponential", {steps, high, low}, {highest, lowest});
  AddNamed(catalogue, "PolyexponentialScheduler", "exponential",
           {steps, high, low, Number("rho", 1, 100)}, {highest, lowest, {"rho", 1}});
  AddNamed(
      catalogue, "BetaSamplingScheduler", "beta",
      {SocketInput("model", "MODEL"), steps, Number("alpha", 0.6, 50), Number("beta", 0.6, 50)},
      {{"alpha", 0.6}, {"beta", 0.6}});
  Add(catalogue,
      Splitting("SplitSigmas", IntInput("step", 0, 0, kMaxSteps), [](NodeCall& call) -> Values {
        return BothOf(SplitAt(call.Get<SigmasValue>("sigmas"), static_cast<int>(call.Int("step"))));
      }));
  Add(catalogue, Splitting("SplitSigmasDenoise", FloatInput("denoise", 1.0, 0.0, 1.0, 0.01),
                           [](NodeCall& call) -> Values {
                             BRIDGE_ASSIGN_OR_RETURN(auto parts,
                                                     SplitByShare(call.Get<SigmasValue>("sigmas"),
                                                                  call.Float("denoise")));
                             return BothOf(std::move(parts));
                           }));
}

}  // namespace patchbay::comfyui
