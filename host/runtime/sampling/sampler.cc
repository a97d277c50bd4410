#include "host/runtime/sampling/sampler.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/runtime/sampling/samplers.h"

namespace patchbay {
namespace {

std::unique_ptr<Sampler> MakeUniPcFor(const std::string& name, const SamplerOptions& options) {
  UniPcVariant variant = name == "unipc_bh2" ? UniPcVariant::kBh2 : UniPcVariant::kBh1;
  int64_t order = 3;
  if (options.compat == CompatProfile::kDiffusers) {
    // UniPCMultistepScheduler's own default is B2 unless the model's configuration says otherwise.
    if (options.config.solver_type != "bh1") variant = UniPcVariant::kBh2;
    order = std::clamp<int64_t>(options.config.solver_order, 1, 3);
  }
  return MakeUniPc(variant, order);
}

}  // namespace

bool UsesEta(const std::string& name) {
  for (const char* drawing :
       {"ddim", "euler_a", "dpm2_a", "dpmpp_2s_a", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde"}) {
    if (name == drawing) return true;
  }
  return false;
}

double DefaultEta(const std::string& sampler) { return sampler == "ddim" ? 0 : 1; }

absl::StatusOr<std::unique_ptr<Sampler>> MakeSampler(const std::string& name,
                                                     const SamplerOptions& options) {
  const bool like_diffusers = options.compat == CompatProfile::kDiffusers;
  const NoiseScheduleConfig& config = options.config;
  const double eta = options.eta;
  if (name == "euler") return MakeEuler();
  if (name == "euler_a") return MakeEulerAncestral(eta);
  if (name == "heun") return MakeHeun();
  if (name == "dpm2") return MakeDpm2();
  if (name == "dpm2_a") return MakeDpm2Ancestral(eta);
  if (name == "lms") return MakeLinearMultistep();
  if (name == "dpmpp_2m") return MakeDpmSolver2M();
  if (name == "dpmpp_2m_sde") return MakeDpmSolver2MSde(eta);
  if (name == "dpmpp_3m_sde") return MakeDpmSolver3MSde(eta);
  if (name == "dpmpp_2s_a") return MakeDpmSolver2SAncestral(eta);
  if (name == "dpmpp_sde") return MakeDpmSolverSde(eta);
  if (name == "unipc" || name == "unipc_bh2") return MakeUniPcFor(name, options);
  if (name == "plms") {
    return MakePlms(like_diffusers ? config.prediction_type : PredictionType::kEpsilon);
  }
  if (name == "ddim") return MakeDdim(eta, like_diffusers ? config.clip_range : 0);
  if (name == "ddpm") return MakeDdpm(like_diffusers ? config.clip_range : 0);
  if (name == "lcm") {
    const bool has_boundary = options.compat != CompatProfile::kComfyUi;
    return MakeLcm(has_boundary ? config.timestep_scaling : 0);
  }
  return absl::NotFoundError(absl::StrCat("there is no sampler \"", name, "\""));
}

}  // namespace patchbay
