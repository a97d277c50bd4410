#ifndef PATCHBAY_SDK_ACTION_H_
#define PATCHBAY_SDK_ACTION_H_

#include <string>
#include <string_view>
#include <vector>

#include "patchbay/abi/action.h"
#include "patchbay/error.h"
#include "patchbay/step.h"

namespace patchbay {

// What an action draws from; one text for each picture.
struct ActionPrompts {
  std::vector<std::string> prompts;
  std::vector<std::string> negative_prompts = {};  // empty: none
  uint64_t seed = 0;                               // of the first picture; the others count up
  // Latent pixels; 0: those of the pictures that the model was trained on.
  int64_t latent_height = 0;
  int64_t latent_width = 0;
};

// How a sampler draws them.
struct ActionPass {
  int32_t step_count = 20;
  std::string sampler = {};   // empty: the model's own
  std::string schedule = {};  // likewise
  double guidance_scale = 7.5;
};

// A running action: what Description::action() has been given is called with it, on a thread of
// its own, and ends by returning or by throwing. The plugin object is this run's alone, was
// attached with Attach::action() saying so, and may change; its hooks are called by draw() and by
// the model's denoise() only. Jobs go on between what the action asks for. Draft.
class Action {
 public:
  explicit Action(const patchbay_action_context* context) : context_(context) {}
  Action(const Action&) = delete;
  Action& operator=(const Action&) = delete;

  // fraction: 0 to 1. text: what it does now. Throws what check_cancelled() throws.
  void progress(double fraction, const std::string& text = "") const {
    context_->functions->progress(context_, fraction, text.c_str());
    check_cancelled();
  }
  // Ends the action by an exception if somebody wants that; to be called every second or so.
  void check_cancelled() const {
    if (context_->functions->is_cancelled(context_) != 0) {
      throw Error("cancelled", PATCHBAY_CANCELLED);
    }
  }
  // Keeps a result for whoever asked. name: a plain file name.
  void result(const std::string& name, std::string_view bytes) const {
    sdk::HostCall call;
    call.check(context_->functions->artifact(context_, name.c_str(), bytes.data(), bytes.size(),
                                             call.error()));
  }

  // Encodes the prompts and begins a pass of the plugin's hooks: what denoise(), noise() and
  // uniform() of the model are about from then on.
  void set_prompts(const ActionPrompts& prompts) const {
    const std::vector<const char*> positive = pointers(prompts.prompts);
    const std::vector<const char*> negative = pointers(prompts.negative_prompts);
    if (!negative.empty() && negative.size() != positive.size()) {
      throw Error("there must be as many negative prompts as prompts, or none");
    }
    patchbay_action_prompts request{};
    request.struct_size = sizeof(request);
    request.picture_count = static_cast<uint32_t>(positive.size());
    request.prompts = positive.data();
    request.negative_prompts = negative.empty() ? nullptr : negative.data();
    request.seed = prompts.seed;
    request.latent_height = prompts.latent_height;
    request.latent_width = prompts.latent_width;
    sdk::HostCall call;
    call.check(context_->functions->set_prompts(context_, &request, call.error()));
  }
  // Draws the prompts as a job does, hooks included. Clean latents, [B, C, h, w].
  Tensor draw(const ActionPass& pass) const {
    patchbay_action_pass request{};
    request.struct_size = sizeof(request);
    request.step_count = pass.step_count;
    request.sampler = pass.sampler.empty() ? nullptr : pass.sampler.c_str();
    request.schedule = pass.schedule.empty() ? nullptr : pass.schedule.c_str();
    request.guidance_scale = pass.guidance_scale;
    patchbay_tensor latents = nullptr;
    sdk::HostCall call;
    call.check(context_->functions->draw(context_, &request, &latents, call.error()));
    return sdk::adopt(latents);
  }
  // Answers on the action's thread.
  Model model() const { return Model(context_->model); }

  const patchbay_action_context& context() const { return *context_; }

 private:
  static std::vector<const char*> pointers(const std::vector<std::string>& texts) {
    std::vector<const char*> list;
    for (const std::string& text : texts) list.push_back(text.c_str());
    return list;
  }

  const patchbay_action_context* context_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_ACTION_H_
