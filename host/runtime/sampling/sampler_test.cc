#include "host/runtime/sampling/sampler.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "host/runtime/sampling/sampler_loop.h"
#include "host/runtime/sampling/sampler_names.h"
#include "host/runtime/sampling/sampling_plan.h"

namespace patchbay {
namespace {

using testing::HasSubstr;

// Data that is itself normally distributed with unit variance: then D(x, sigma) = x / (1 +
// sigma^2), and the probability flow keeps x / sqrt(1 + sigma^2).
absl::StatusOr<at::Tensor> DenoiseNormal(const at::Tensor& x, double sigma, double) {
  return x / (1 + sigma * sigma);
}

at::Tensor DrawNothing(const at::Tensor& x, double, double) { return at::zeros_like(x); }

absl::Status GoOn(size_t, at::Tensor&, size_t&) { return absl::OkStatus(); }

// Down to a level above 0, where all methods are smooth.
SamplingPlan EvenPlan(int64_t steps) {
  SamplingPlan plan;
  plan.timestep_of = [](double) { return 0.0; };
  const double ratio = std::pow(0.1 / 10, 1.0 / static_cast<double>(steps));
  double sigma = 10;
  for (int64_t i = 0; i < steps; ++i, sigma *= ratio) {
    plan.steps.push_back({sigma, sigma * ratio, 0, sigma});
  }
  return plan;
}

std::unique_ptr<Sampler> Make(const std::string& name, double eta = 0) {
  SamplerOptions options;
  options.compat = CompatProfile::kComfyUi;
  options.eta = eta;
  return MakeSampler(name, options).value();
}

at::Tensor Start() { return at::tensor({10.0f, -3.0f, 1.0f, 20.0f}).view({1, 1, 2, 2}); }

// Largest error of a run against the exact solution.
double Error(const std::string& name, int64_t steps) {
  const SamplingPlan plan = EvenPlan(steps);
  const auto sampler = Make(name);
  const at::Tensor x =
      RunSampler(*sampler, plan, Start().to(at::kDouble), DenoiseNormal, DrawNothing, GoOn).value();
  const double end = plan.steps.back().sigma_next;
  const at::Tensor exact = Start().to(at::kDouble) * std::sqrt((1 + end * end) / (1 + 100.0));
  return (x - exact).abs().max().item<double>();
}

struct Order {
  const char* name;
  double order;
};

class Convergence : public testing::TestWithParam<Order> {};

// Twice the steps divide the error by 2^order. Multi-step methods of higher order begin with lower
// ones, and that bounds what they reach as a whole.
TEST_P(Convergence, HasItsOrder) {
  const double coarse = Error(GetParam().name, 80);
  const double fine = Error(GetParam().name, 160);
  const double order = std::log2(coarse / fine);
  EXPECT_GT(order, GetParam().order - 0.2) << coarse << " " << fine;
  EXPECT_LT(order, GetParam().order + 0.8) << coarse << " " << fine;
}

INSTANTIATE_TEST_SUITE_P(Samplers, Convergence,
                         testing::Values(Order{"euler", 1}, Order{"heun", 2}, Order{"dpm2", 2},
                                         Order{"dpmpp_2m", 2}, Order{"dpmpp_2s_a", 2},
                                         Order{"unipc", 2}, Order{"unipc_bh2", 2}, Order{"lms", 2}),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Sampler, DdimWithoutNoiseIsEuler) {
  const SamplingPlan plan = EvenPlan(7);
  const auto ddim = Make("ddim");
  const auto euler = Make("euler");
  const at::Tensor a = RunSampler(*ddim, plan, Start(), DenoiseNormal, DrawNothing, GoOn).value();
  const at::Tensor b = RunSampler(*euler, plan, Start(), DenoiseNormal, DrawNothing, GoOn).value();
  EXPECT_TRUE(at::allclose(a, b, 1e-5));
}

class Jumps : public testing::TestWithParam<const char*> {};

// A jump back gives what a new run from there gives: no step of the old path is remembered.
TEST_P(Jumps, BeginAnew) {
  const SamplingPlan plan = EvenPlan(9);
  const at::Tensor renoised = Start() * 0.7;
  bool jumped = false;
  const auto jump_once = [&](size_t step, at::Tensor& x, size_t& next) {
    if (step == 6 && !jumped) {
      jumped = true;
      x = renoised;
      next = 3;
    }
    return absl::OkStatus();
  };
  const auto sampler = Make(GetParam());
  const at::Tensor with_jump =
      RunSampler(*sampler, plan, Start(), DenoiseNormal, DrawNothing, jump_once).value();

  SamplingPlan rest = plan;
  rest.steps.erase(rest.steps.begin(), rest.steps.begin() + 3);
  const auto fresh = Make(GetParam());
  const at::Tensor anew =
      RunSampler(*fresh, rest, renoised, DenoiseNormal, DrawNothing, GoOn).value();
  EXPECT_TRUE(jumped);
  EXPECT_TRUE(at::equal(with_jump, anew));
}

INSTANTIATE_TEST_SUITE_P(Samplers, Jumps,
                         testing::Values("ddim", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde",
                                         "euler", "heun", "lms", "plms", "unipc"),
                         [](const auto& test) { return std::string(test.param); });

TEST(SamplerLoop, SkipsForward) {
  const SamplingPlan plan = EvenPlan(6);
  std::vector<size_t> seen;
  const auto skip = [&](size_t step, at::Tensor&, size_t& next) {
    seen.push_back(step);
    if (step == 1) next = 5;
    return absl::OkStatus();
  };
  const auto sampler = Make("euler");
  ASSERT_TRUE(RunSampler(*sampler, plan, Start(), DenoiseNormal, DrawNothing, skip).ok());
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 5}));
}

TEST(SamplerLoop, RefusesStepsThatDoNotExist) {
  const SamplingPlan plan = EvenPlan(4);
  const auto beyond = [](size_t, at::Tensor&, size_t& next) {
    next = 5;
    return absl::OkStatus();
  };
  const auto sampler = Make("euler");
  const auto result = RunSampler(*sampler, plan, Start(), DenoiseNormal, DrawNothing, beyond);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kOutOfRange);
}

TEST(SamplerLoop, EndsWithTheDenoisersError) {
  const SamplingPlan plan = EvenPlan(4);
  int calls = 0;
  const auto fail = [&](const at::Tensor& x, double, double) -> absl::StatusOr<at::Tensor> {
    if (++calls == 3) return absl::CancelledError("enough");
    return x;
  };
  const auto sampler = Make("heun");
  const auto result = RunSampler(*sampler, plan, Start(), fail, DrawNothing, GoOn);
  EXPECT_EQ(result.status().message(), "enough");
  EXPECT_EQ(calls, 3);
}

TEST(SamplerNames, EveryNameHasASampler) {
  for (const std::string& name : KnownSamplers()) {
    EXPECT_TRUE(MakeSampler(name, {}).ok()) << name;
  }
  EXPECT_EQ(MakeSampler("eulr", {}).status().code(), absl::StatusCode::kNotFound);
}

struct Spelling {
  const char* written;
  const char* sampler;
  const char* schedule;
};

TEST(SamplerNames, KnowsTheSpellingsOfTheUis) {
  for (const Spelling& spelling :
       {Spelling{"DPM++ 2M Karras", "dpmpp_2m", "karras"}, Spelling{"Euler a", "euler_a", ""},
        Spelling{"DPM++ 2S a Karras", "dpmpp_2s_a", "karras"},
        Spelling{"DPM++ 3M SDE Exponential", "dpmpp_3m_sde", "exponential"},
        Spelling{"euler_ancestral", "euler_a", ""}, Spelling{"dpm_2_ancestral", "dpm2_a", ""},
        Spelling{"uni_pc_bh2", "unipc_bh2", ""}, Spelling{"UniPC", "unipc", ""},
        Spelling{"LMS Karras", "lms", "karras"}, Spelling{"DDIM", "ddim", ""},
        Spelling{"DPM++ SDE", "dpmpp_sde", ""}}) {
    const auto choice = ResolveSampler(spelling.written);
    ASSERT_TRUE(choice.ok()) << spelling.written;
    EXPECT_EQ(choice->sampler, spelling.sampler) << spelling.written;
    EXPECT_EQ(choice->schedule, spelling.schedule) << spelling.written;
  }
  EXPECT_EQ(ResolveSchedule("SGM Uniform").value(), "sgm_uniform");
  EXPECT_EQ(ResolveSchedule("KL Optimal").value(), "kl_optimal");
  EXPECT_EQ(ResolveSchedule("Automatic").value(), "");
}

TEST(SamplerNames, SuggestsTheNearest) {
  EXPECT_THAT(ResolveSampler("eulr").status().message(), HasSubstr("did you mean euler?"));
  EXPECT_THAT(ResolveSchedule("karas").status().message(), HasSubstr("did you mean karras?"));
  EXPECT_THAT(ResolveSampler("qqq").status().message(), testing::Not(HasSubstr("did you mean")));
}

// Every combination that a user can ask for either plans or says why not; levels never rise.
TEST(SamplingPlan, EveryCombinationWorks) {
  const NoiseSchedule schedule{NoiseScheduleConfig{}};
  std::vector<std::string> schedules = KnownSchedules();
  schedules.push_back("");
  for (const CompatProfile compat :
       {CompatProfile::kDiffusers, CompatProfile::kComfyUi, CompatProfile::kA1111}) {
    for (const std::string& sampler : KnownSamplers()) {
      for (const std::string& name : schedules) {
        for (const int64_t steps : {1, 2, 7, 30}) {
          for (const double strength : {1.0, 0.55}) {
            const SamplingPlanRequest request{compat, sampler, name, steps, strength < 1, strength};
            const auto plan = PlanSampling(schedule, request);
            const std::string what = sampler + " " + name + " " + std::to_string(steps);
            if (!plan.ok()) {
              EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << what;
              EXPECT_LE(steps, 2) << what << ": " << plan.status();
              continue;
            }
            for (const SamplingPlan::Step& step : plan->steps) {
              EXPECT_GT(step.sigma, 0) << what;
              EXPECT_LE(step.sigma_next, step.sigma) << what;
              EXPECT_GE(step.timestep, 0) << what;
            }
          }
        }
      }
    }
  }
}

TEST(SamplingPlan, RefusesImpossibleNumbersOfSteps) {
  const NoiseSchedule schedule{NoiseScheduleConfig{}};
  for (const int64_t steps : {int64_t{0}, int64_t{-3}, int64_t{1001}}) {
    SamplingPlanRequest request;
    request.steps = steps;
    EXPECT_THAT(PlanSampling(schedule, request).status().message(),
                HasSubstr("must be between 1 and 1000"));
  }
}

}  // namespace
}  // namespace patchbay
