#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_

#include <cstdint>
#include <string>

#include "host/runtime/pipeline/generation_request.h"

namespace patchbay {

// What a request leaves open or says for all its pictures, as it was for one of them.
struct DrawnPicture {
  std::string prompt;
  std::string negative_prompt;
  std::string model_name;
  std::string sampler;   // canonical names
  std::string schedule;  // the one that was used
  std::string plugins;
  PictureSize size;  // of the first pass
  uint64_t seed = 0;
};

// The text that AUTOMATIC1111's web UI stores in its pictures under "parameters" and reads back:
// the prompt, "Negative prompt: ...", then one line of "Key: value" pairs. Keys, samplers and
// schedules are A1111's where it has them; LoRAs and textual inversions that the prompt does not
// call, parts of the steps, plugins and the profile have keys of our own. All that decides the
// picture is named, though not the contents of files.
std::string MakeInfotext(const GenerationRequest& request, const DrawnPicture& picture);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_INFOTEXT_H_
