#ifndef PATCHBAY_HOST_RUNTIME_SAMPLING_SIGMA_TABLE_H_
#define PATCHBAY_HOST_RUNTIME_SAMPLING_SIGMA_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "host/runtime/sampling/noise_schedule.h"

namespace patchbay {

// The schedules that are tables of levels between two limits, whatever the model: n values,
// descending, without a final 0.
//   karras (arXiv:2206.00364, equation 5, rho = 7), exponential (evenly spaced log(sigma)), beta
//   (quantiles of Beta(0.6, 0.6) between the limits; arXiv:2407.12173).
std::vector<double> KarrasSigmas(double sigma_max, double sigma_min, int64_t n);
std::vector<double> ExponentialSigmas(double sigma_max, double sigma_min, int64_t n);
std::vector<double> BetaSigmas(double sigma_max, double sigma_min, int64_t n);

// Quantile function of Beta(0.6, 0.6).
double BetaQuantile(double share);

// The UIs' schedules by name, ending with 0: normal, karras, exponential, sgm_uniform, simple,
// beta, ddim_uniform, linear_quadratic, kl_optimal as ComfyUI defines them. ddim_uniform and beta
// may give a few more or fewer steps than n. Empty for a name that is none of these.
std::vector<double> ComfyUiSigmas(const NoiseSchedule& schedule, const std::string& name,
                                  int64_t n);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_SAMPLING_SIGMA_TABLE_H_
