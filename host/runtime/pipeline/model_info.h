#ifndef PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_INFO_H_
#define PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_INFO_H_

#include <string>

#include "host/runtime/pipeline/loaded_model.h"
#include "patchbay/abi/model.h"

namespace patchbay {

// What plugins are told of a model. Immutable; must outlive what refers to info().
class ModelInfo {
 public:
  explicit ModelInfo(const LoadedModel& model);
  ModelInfo(const ModelInfo&) = delete;
  ModelInfo& operator=(const ModelInfo&) = delete;

  const patchbay_model_info& info() const { return info_; }

 private:
  std::string fingerprint_;
  std::string name_;
  std::string integer_plan_;
  patchbay_model_info info_{};
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_PIPELINE_MODEL_INFO_H_
