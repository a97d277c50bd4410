#include "host/validator/drawing.h"

#include <c10/core/InferenceMode.h>

#include <cstring>
#include <exception>

#include "absl/strings/str_cat.h"
#include "host/runtime/pipeline/pipeline.h"
#include "host/validator/tiny_model.h"

namespace patchbay {
namespace {

class Canceller final : public GenerationObserver {
 public:
  explicit Canceller(std::optional<int> before) : before_(before) {}
  void OnStep(int, int, int, double) override {}
  bool IsCancelled() override { return before_.has_value() && asked_++ >= *before_; }

 private:
  const std::optional<int> before_;
  int asked_ = 0;
};

}  // namespace

GenerationRequest TrialRequest() {
  GenerationRequest request;
  request.prompt = "a lighthouse";
  request.negative_prompt = "fog";
  request.steps = 3;
  request.guidance_scale = 5.0;
  request.sampler = "euler";
  request.seed = 17;
  // Twice what the model is made for: techniques for large pictures take part.
  request.size = PictureSize{2 * kTinyModelPixels, 2 * kTinyModelPixels};
  request.keep_latent = true;
  return request;
}

absl::StatusOr<LatentBuffer> Draw(const LoadedModel& model, const ModelHooks* hooks,
                                  const GenerationRequest& request,
                                  std::optional<int> cancel_before) {
  Canceller observer(cancel_before);
  ResolvedPrompts prompts;
  prompts.positive.assign(static_cast<size_t>(request.batch), request.prompt);
  prompts.negative.assign(static_cast<size_t>(request.batch), request.negative_prompt);
  try {
    const c10::InferenceMode inference_mode;
    absl::StatusOr<GenerationResult> result =
        GeneratePictures(model, {}, hooks, request, prompts, observer);
    if (!result.ok()) return result.status();
    if (!result->latent) return absl::InternalError("the job gave no latent");
    return *std::move(result->latent);
  } catch (const std::exception& error) {
    return absl::UnknownError(error.what());
  } catch (...) {
    return absl::UnknownError("something that is no std::exception was thrown");
  }
}

bool SameBits(const LatentBuffer& a, const LatentBuffer& b) {
  return a.shape == b.shape && a.values.size() == b.values.size() &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
}

}  // namespace patchbay
