#ifndef PATCHBAY_HOST_ENGINE_ACTION_SESSION_H_
#define PATCHBAY_HOST_ENGINE_ACTION_SESSION_H_

#include <memory>

#include "host/plugins/action_model.h"
#include "host/plugins/action_observer.h"
#include "host/runtime/hooks/sampling_hooks.h"
#include "host/runtime/pipeline/loaded_model.h"
#include "host/runtime/pipeline/model_info.h"

namespace patchbay {

// The model as an action sees it. Each question takes the model from the observer and gives it
// back; a drawing does so at each run of the denoiser. One thread.
class ActionSession final : public ActionModel {
 public:
  // hooks: of a chain of the action's plugin alone. All must outlive the object.
  ActionSession(const LoadedModel& model, const ModelInfo& info, const ModelHooks& hooks,
                ActionObserver& observer);
  ~ActionSession() override;

  const patchbay_model& model() const override { return model_; }
  absl::Status SetPrompts(const ActionPrompts& prompts) override;
  absl::StatusOr<at::Tensor> Draw(const ActionPass& pass) override;

 private:
  class DrawingObserver;
  struct Functions;
  struct Subject;  // what the action's questions are about

  absl::StatusOr<std::unique_ptr<Subject>> MakeSubject(const ActionPrompts& prompts);

  const LoadedModel& loaded_;
  const ModelInfo& info_;
  const ModelHooks& hooks_;
  ActionObserver& observer_;
  patchbay_model model_{};
  std::unique_ptr<Subject> subject_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_ENGINE_ACTION_SESSION_H_
