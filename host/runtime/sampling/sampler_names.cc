#include "host/runtime/sampling/sampler_names.h"

#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "host/base/excerpt.h"
#include "host/base/spelling.h"

namespace patchbay {
namespace {

// Lower case without spaces, underscores and hyphens; "++" as "pp".
std::string Folded(std::string_view spelling) {
  std::string folded;
  for (const char c : spelling) {
    if (c == '+') {
      folded += 'p';
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      folded += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
  }
  return folded;
}

using Aliases = std::map<std::string, std::string>;  // folded spelling to canonical name

Aliases AliasesOf(const std::vector<std::string>& names,
                  std::initializer_list<std::pair<const char*, const char*>> more) {
  Aliases aliases;
  for (const std::string& name : names) aliases[Folded(name)] = name;
  for (const auto& [spelling, name] : more) aliases[Folded(spelling)] = name;
  return aliases;
}

const Aliases& SamplerAliases() {
  static const auto& aliases =
      *new Aliases(AliasesOf(KnownSamplers(), {{"euler_ancestral", "euler_a"},
                                               {"dpm_2", "dpm2"},
                                               {"dpm_2_ancestral", "dpm2_a"},
                                               {"dpm2_ancestral", "dpm2_a"},
                                               {"dpmpp_2s_ancestral", "dpmpp_2s_a"},
                                               {"dpmpp_sde_gpu", "dpmpp_sde"},
                                               {"dpmpp_2m_sde_gpu", "dpmpp_2m_sde"},
                                               {"dpmpp_3m_sde_gpu", "dpmpp_3m_sde"},
                                               {"uni_pc", "unipc"},
                                               {"uni_pc_bh2", "unipc_bh2"},
                                               {"pndm", "plms"}}));
  return aliases;
}

const Aliases& ScheduleAliases() {
  static const auto& aliases = *new Aliases(AliasesOf(
      KnownSchedules(), {{"uniform", "normal"}, {"ddim", "ddim_uniform"}, {"automatic", ""}}));
  return aliases;
}

using Labels = std::map<std::string, std::string>;  // canonical name to A1111's

std::string LabelIn(const Labels& labels, const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? name : found->second;
}

absl::Status Unknown(const char* what, std::string_view spelling,
                     const std::vector<std::string>& known) {
  const std::string nearest = NearestSpelling(Folded(spelling), known);
  return absl::InvalidArgumentError(
      absl::StrCat("the ", what, " \"", Excerpt(spelling), "\" is unknown",
                   nearest.empty() ? "." : absl::StrCat("; did you mean ", nearest, "?"),
                   " Known are ", absl::StrJoin(known, ", ")));
}

}  // namespace

const std::vector<std::string>& KnownSamplers() {
  static const auto& names = *new std::vector<std::string>{
      "ddim",         "ddpm",   "euler",     "euler_a",    "heun",      "lms",
      "dpm2",         "dpm2_a", "dpmpp_2m",  "dpmpp_2s_a", "dpmpp_sde", "dpmpp_2m_sde",
      "dpmpp_3m_sde", "unipc",  "unipc_bh2", "plms",       "lcm"};
  return names;
}

const std::vector<std::string>& KnownSchedules() {
  static const auto& names = *new std::vector<std::string>{
      "normal",       "karras",           "exponential", "sgm_uniform", "simple",   "beta",
      "ddim_uniform", "linear_quadratic", "kl_optimal",  "leading",     "linspace", "trailing"};
  return names;
}

// modules/sd_samplers_kdiffusion.py, sd_samplers_timesteps.py, sd_samplers_lcm.py
std::string SamplerLabel(const std::string& name) {
  static const auto& labels = *new Labels{{"ddim", "DDIM"},
                                          {"ddpm", "DDPM"},
                                          {"euler", "Euler"},
                                          {"euler_a", "Euler a"},
                                          {"heun", "Heun"},
                                          {"lms", "LMS"},
                                          {"dpm2", "DPM2"},
                                          {"dpm2_a", "DPM2 a"},
                                          {"dpmpp_2m", "DPM++ 2M"},
                                          {"dpmpp_2s_a", "DPM++ 2S a"},
                                          {"dpmpp_sde", "DPM++ SDE"},
                                          {"dpmpp_2m_sde", "DPM++ 2M SDE"},
                                          {"dpmpp_3m_sde", "DPM++ 3M SDE"},
                                          {"unipc", "UniPC"},
                                          {"plms", "PLMS"},
                                          {"lcm", "LCM"}};
  return LabelIn(labels, name);
}

// modules/sd_schedulers.py
std::string ScheduleLabel(const std::string& name) {
  static const auto& labels = *new Labels{
      {"normal", "Normal"},           {"karras", "Karras"},        {"exponential", "Exponential"},
      {"sgm_uniform", "SGM Uniform"}, {"simple", "Simple"},        {"beta", "Beta"},
      {"ddim_uniform", "DDIM"},       {"kl_optimal", "KL Optimal"}};
  return LabelIn(labels, name);
}

absl::StatusOr<SamplerChoice> ResolveSampler(std::string_view spelling) {
  const std::string folded = Folded(spelling);
  const Aliases& samplers = SamplerAliases();
  if (const auto found = samplers.find(folded); found != samplers.end()) {
    return SamplerChoice{found->second, ""};
  }
  for (const auto& [suffix, schedule] : ScheduleAliases()) {
    if (suffix.empty() || folded.size() <= suffix.size() || !folded.ends_with(suffix)) continue;
    const auto found = samplers.find(folded.substr(0, folded.size() - suffix.size()));
    if (found != samplers.end()) return SamplerChoice{found->second, schedule};
  }
  return Unknown("sampler", spelling, KnownSamplers());
}

absl::StatusOr<std::string> ResolveSchedule(std::string_view spelling) {
  const Aliases& schedules = ScheduleAliases();
  const auto found = schedules.find(Folded(spelling));
  if (found != schedules.end()) return found->second;
  return Unknown("schedule", spelling, KnownSchedules());
}

}  // namespace patchbay
