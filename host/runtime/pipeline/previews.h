#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_PREVIEWS_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_PREVIEWS_H_

#include <memory>
#include <mutex>
#include <utility>

#include "host/runtime/autoencoder/autoencoder.h"
#include "host/runtime/autoencoder/preview_decoder.h"

namespace patchbay {

// A model's preview decoder: one that was opened from a file, or one that is fitted to the model's
// autoencoder when it is first asked for. Any thread may call.
class Previews {
 public:
  // opened: null to fit.
  explicit Previews(std::unique_ptr<const PreviewDecoder> opened) : decoder_(std::move(opened)) {}

  const PreviewDecoder& For(const Autoencoder& autoencoder) const {
    std::call_once(made_, [&] {
      if (decoder_ == nullptr) decoder_ = PreviewDecoder::Fit(autoencoder);
    });
    return *decoder_;
  }

 private:
  mutable std::once_flag made_;
  mutable std::unique_ptr<const PreviewDecoder> decoder_;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_PREVIEWS_H_
