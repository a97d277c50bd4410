#include "bridges/webui/samplers.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace patchbay::webui {
namespace {

const SamplerName* FindSampler(const std::string& name) {
  for (const SamplerName& sampler : Samplers()) {
    if (absl::EqualsIgnoreCase(name, sampler.name)) return &sampler;
    for (const std::string& alias : sampler.aliases) {
      if (absl::EqualsIgnoreCase(name, alias)) return &sampler;
    }
  }
  return nullptr;
}

std::vector<std::string> Spellings(const SchedulerName& scheduler) {
  std::vector<std::string> all = {scheduler.label, scheduler.name};
  all.insert(all.end(), scheduler.aliases.begin(), scheduler.aliases.end());
  return all;
}

const SchedulerName* FindScheduler(const std::string& name) {
  for (const SchedulerName& scheduler : Schedulers()) {
    for (const std::string& spelling : Spellings(scheduler)) {
      if (absl::EqualsIgnoreCase(name, spelling)) return &scheduler;
    }
  }
  return nullptr;
}

// "DPM++ 2M Karras" as its two parts; false when its tail names no scheduler.
bool Split(const std::string& both, SamplerAndScheduler& choice) {
  for (const SchedulerName& scheduler : Schedulers()) {
    for (const std::string& spelling : Spellings(scheduler)) {
      if (!absl::EndsWithIgnoreCase(both, absl::StrCat(" ", spelling))) continue;
      const SamplerName* sampler = FindSampler(both.substr(0, both.size() - spelling.size() - 1));
      if (sampler == nullptr) continue;
      choice.sampler = *sampler;
      choice.scheduler = scheduler;
      return true;
    }
  }
  return false;
}

}  // namespace

const std::vector<SamplerName>& Samplers() {
  static const auto& samplers =
      *new std::vector<SamplerName>{{"DPM++ 2M", "dpmpp_2m", {"k_dpmpp_2m"}},
                                    {"DPM++ SDE", "dpmpp_sde", {"k_dpmpp_sde"}},
                                    {"DPM++ 2M SDE", "dpmpp_2m_sde", {"k_dpmpp_2m_sde"}},
                                    {"DPM++ 2S a", "dpmpp_2s_a", {"k_dpmpp_2s_a"}},
                                    {"DPM++ 3M SDE", "dpmpp_3m_sde", {"k_dpmpp_3m_sde"}},
                                    {"Euler a", "euler_a", {"k_euler_a", "k_euler_ancestral"}},
                                    {"Euler", "euler", {"k_euler"}},
                                    {"LMS", "lms", {"k_lms"}},
                                    {"Heun", "heun", {"k_heun"}},
                                    {"DPM2", "dpm2", {"k_dpm_2"}},
                                    {"DPM2 a", "dpm2_a", {"k_dpm_2_a"}},
                                    {"DDIM", "ddim", {"ddim"}},
                                    {"PLMS", "plms", {"plms"}},
                                    {"UniPC", "unipc", {"unipc"}},
                                    {"LCM", "lcm", {"k_lcm"}}};
  return samplers;
}

const std::vector<SchedulerName>& Schedulers() {
  static const auto& schedulers = *new std::vector<SchedulerName>{
      {"automatic", "Automatic", "", -1, false, {}},
      {"uniform", "Uniform", "normal", -1, true, {}},
      {"karras", "Karras", "karras", 7, false, {}},
      {"exponential", "Exponential", "exponential", -1, false, {}},
      {"sgm_uniform", "SGM Uniform", "sgm_uniform", -1, true, {"SGMUniform"}},
      {"kl_optimal", "KL Optimal", "kl_optimal", -1, false, {}},
      {"simple", "Simple", "simple", -1, true, {}},
      {"normal", "Normal", "normal", -1, true, {}},
      {"ddim", "DDIM", "ddim_uniform", -1, true, {}},
      {"beta", "Beta", "beta", -1, true, {}}};
  return schedulers;
}

SamplerAndScheduler ResolveSampler(const std::string& sampler, const std::string& scheduler) {
  SamplerAndScheduler choice;
  choice.scheduler = Schedulers().front();
  if (const SamplerName* found = FindSampler(sampler); found != nullptr) {
    choice.sampler = *found;
  } else if (!Split(sampler, choice)) {
    choice.sampler = Samplers().front();
    choice.fell_back = true;
  }
  const SchedulerName* asked = FindScheduler(scheduler);
  if (asked != nullptr && asked->name != "automatic") choice.scheduler = *asked;
  return choice;
}

}  // namespace patchbay::webui
