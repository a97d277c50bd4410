#ifndef PATCHBAY_BRIDGES_WEBUI_SAMPLERS_H_
#define PATCHBAY_BRIDGES_WEBUI_SAMPLERS_H_

#include <string>
#include <vector>

namespace patchbay::webui {

// A sampler by A1111's name and the host's.
struct SamplerName {
  std::string name;       // "DPM++ 2M"
  std::string host_name;  // "dpmpp_2m"
  std::vector<std::string> aliases;
};

// A noise schedule by A1111's names and the host's.
struct SchedulerName {
  std::string name;       // "karras"
  std::string label;      // "Karras"
  std::string host_name;  // empty: the host chooses by the sampler, as A1111's "Automatic"
  double default_rho = -1;
  bool need_inner_model = false;
  std::vector<std::string> aliases;
};

// What the host can draw with, in A1111's order (modules/sd_samplers.py, modules/sd_schedulers.py).
const std::vector<SamplerName>& Samplers();
const std::vector<SchedulerName>& Schedulers();

// A choice of both.
struct SamplerAndScheduler {
  SamplerName sampler;
  SchedulerName scheduler;
  bool fell_back = false;  // the sampler's name was unknown; the first of the list took its place
};

// Reads names as A1111 does: "DPM++ 2M Karras" names a scheduler by its tail, case does not count,
// and an unknown sampler is the first of the list. Unknown schedulers are "Automatic".
SamplerAndScheduler ResolveSampler(const std::string& sampler, const std::string& scheduler);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_SAMPLERS_H_
