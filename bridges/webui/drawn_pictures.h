#ifndef PATCHBAY_BRIDGES_WEBUI_DRAWN_PICTURES_H_
#define PATCHBAY_BRIDGES_WEBUI_DRAWN_PICTURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bridges/common/json.h"
#include "bridges/webui/generation_form.h"
#include "bridges/webui/model_names.h"
#include "bridges/webui/samplers.h"
#include "bridges/webui/start_picture.h"
#include "patchbay/v1/generation.pb.h"

namespace patchbay::webui {

// What a request has drawn so far, as A1111's `Processed`.
struct DrawnPictures {
  ModelTitle model;
  SamplerAndScheduler sampling;
  int64_t first_seed = 0, first_subseed = 0;
  std::vector<std::string> comments;

  std::vector<std::string> files;      // in the format of the option samples_format
  std::vector<std::string> infotexts;  // of each
  std::vector<std::string> prompts;    // of each, with wildcards resolved
  std::vector<std::string> negative_prompts;
  std::vector<int64_t> seeds, subseeds;
  Json extra = Json::object();  // extra_generation_params

  // Takes a PNG file of the host: pastes it into the original where only a part was drawn, gives it
  // A1111's infotext and the format that the options ask for.
  void Add(std::string png, int64_t seed, int64_t subseed, const v1::GenerationReport& report,
           const v1::GenerationSettings& settings, const GenerationForm& form, const Json& options,
           const StartPicture* start);

  // The object that an answer's `info` holds as text.
  Json Info(const GenerationForm& form, const Json& options) const;
};

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_DRAWN_PICTURES_H_
