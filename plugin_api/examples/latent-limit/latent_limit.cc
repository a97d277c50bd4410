// Keeps predictions within a range: values beyond it, which large guidance scales cause, become
// blotches in the picture.
//
// The stable tier: torch::stable::Tensor. One build serves with every LibTorch from the one on that
// it was built for. It has fewer operations than at::Tensor; any operator of ATen can be called by
// its name, as Clamp does.

#include <patchbay/stable.h>
#include <torch/csrc/stable/ops.h>

#include <array>
#include <optional>

namespace {

using torch::stable::Tensor;

struct Settings {
  double limit = 4.0;
};

// aten::clamp.Tensor: x, cut off at -limit and limit.
Tensor Clamp(const Tensor& x, double limit) {
  using torch::stable::detail::from;
  const auto number = [&x](double value) {
    return std::optional<Tensor>(
        torch::stable::full({1}, value, x.scalar_type(), std::nullopt, x.device()));
  };
  std::array<StableIValue, 3> stack = {from(x), from(number(-limit)), from(number(limit))};
  STABLE_TORCH_ERROR_CODE_CHECK(
      torch_call_dispatcher("aten::clamp", "Tensor", stack.data(), TORCH_ABI_VERSION));
  return torch::stable::detail::to<Tensor>(stack[0]);
}

class LatentLimit final : public patchbay::Plugin<Settings> {
 public:
  static void describe(patchbay::Description<Settings>& d) {
    d.id("latent-limit")
        .title("Latent limit")
        .version("1.0.0")
        .summary("Cuts off what lies outside of the range of clean latents.")
        .licence("MIT")
        // What other plugins make of the prediction is limited as well.
        .phase(PATCHBAY_PHASE_LATE);
    d.field<1>(&Settings::limit, "limit")
        .label("Limit")
        .range(0.1, 100.0)
        .soft_range(1.0, 10.0)
        .step(0.1)
        .help("The largest absolute value that stays; clean latents rarely exceed 4.");
  }

  void attach(patchbay::Attach& at) const override {
    at.guidance([limit = settings().limit](const patchbay::Step&, const patchbay::Guidance& g) {
      return Clamp(g.guided, limit);
    });
  }
};

}  // namespace

PATCHBAY_PLUGIN(LatentLimit)
