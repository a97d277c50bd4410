#ifndef PATCHBAY_HOST_PLUGINS_ACTION_MODEL_H_
#define PATCHBAY_HOST_PLUGINS_ACTION_MODEL_H_

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "patchbay/abi/model.h"

namespace patchbay {

// See patchbay_action_prompts.
struct ActionPrompts {
  std::vector<std::string> prompts;
  std::vector<std::string> negative_prompts;  // as many
  uint64_t seed = 0;
  int64_t latent_height = 0;
  int64_t latent_width = 0;
};

// See patchbay_action_pass.
struct ActionPass {
  int step_count = 0;
  std::optional<std::string> sampler;
  std::optional<std::string> schedule;
  double guidance_scale = 1;
};

// What an action may ask of the model beside what hooks may. One thread.
class ActionModel {
 public:
  virtual ~ActionModel() = default;
  virtual const patchbay_model& model() const = 0;
  virtual absl::Status SetPrompts(const ActionPrompts& prompts) = 0;
  // FAILED_PRECONDITION without prompts. Clean latents, [B, C, h, w].
  virtual absl::StatusOr<at::Tensor> Draw(const ActionPass& pass) = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_PLUGINS_ACTION_MODEL_H_
