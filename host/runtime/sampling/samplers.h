#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLERS_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLERS_H_

#include <deque>
#include <memory>

#include "host/runtime/sampling/sampler.h"

namespace patchbay {

// The methods behind MakeSampler(). sigma and sigma' are the levels of a step, D the denoised
// latent, d = (x - D) / sigma.

// arXiv:2206.00364, algorithm 1, without churn; ancestral: k-diffusion's sample_euler_ancestral.
std::unique_ptr<Sampler> MakeEuler();
std::unique_ptr<Sampler> MakeEulerAncestral(double eta);
// arXiv:2206.00364, algorithm 1 with the correction of its line 8
std::unique_ptr<Sampler> MakeHeun();
// DPM-Solver-2 (arXiv:2206.00927) as k-diffusion's sample_dpm_2 and sample_dpm_2_ancestral have it
std::unique_ptr<Sampler> MakeDpm2();
std::unique_ptr<Sampler> MakeDpm2Ancestral(double eta);
// Adams-Bashforth of order 4 on sigma: k-diffusion's sample_lms
std::unique_ptr<Sampler> MakeLinearMultistep();
// arXiv:2211.01095, algorithm 2, and its SDE forms of order 2 and 3
std::unique_ptr<Sampler> MakeDpmSolver2M();
std::unique_ptr<Sampler> MakeDpmSolver2MSde(double eta);
std::unique_ptr<Sampler> MakeDpmSolver3MSde(double eta);
// Single-step DPM-Solver++ of order 2 with ancestral noise, and its SDE form
std::unique_ptr<Sampler> MakeDpmSolver2SAncestral(double eta);
std::unique_ptr<Sampler> MakeDpmSolverSde(double eta);
// arXiv:2302.04867
enum class UniPcVariant { kBh1, kBh2 };
std::unique_ptr<Sampler> MakeUniPc(UniPcVariant variant, int64_t order);
// arXiv:2202.09778, F-PNDM with its Runge-Kutta steps left out
std::unique_ptr<Sampler> MakePlms(PredictionType prediction_type);
// arXiv:2010.02502; clip_range cuts D off, 0 for never
std::unique_ptr<Sampler> MakeDdim(double eta, double clip_range);
// arXiv:2006.11239, algorithm 2
std::unique_ptr<Sampler> MakeDdpm(double clip_range);
// arXiv:2310.04378; timestep_scaling as in diffusers' LCMScheduler, 0 leaves the boundary condition
// out as ComfyUI does
std::unique_ptr<Sampler> MakeLcm(double timestep_scaling);

// A step down to `down` followed by noise of deviation `up` ends at sigma_next.
struct AncestralSplit {
  double down = 0;
  double up = 0;
};
AncestralSplit SplitAncestral(double sigma, double sigma_next, double eta);

// A denoised latent of an earlier step, for methods that extrapolate; newest first.
struct Evaluation {
  double sigma = 0;
  at::Tensor denoised;
};
using History = std::deque<Evaluation>;

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SAMPLERS_H_
