#ifndef PATCHBAY_HOST_VALIDATOR_REFUSING_MODEL_H_
#define PATCHBAY_HOST_VALIDATOR_REFUSING_MODEL_H_

#include <cstdint>
#include <vector>

#include "host/runtime/hooks/evaluation.h"

namespace patchbay {

// The plugins of an evaluation with models that refuse whatever they are asked, for trying whether
// hooks pass the host's errors on. One call of one hook.
class RefusingModel {
 public:
  explicit RefusingModel(const Evaluation& evaluation);
  RefusingModel(const RefusingModel&) = delete;
  RefusingModel& operator=(const RefusingModel&) = delete;

  Evaluation evaluation() const { return {step_, plugins_}; }
  // How many questions were refused.
  int64_t refused() const { return refused_; }

  static constexpr char kText[] = "the validator refuses this on purpose";

 private:
  const patchbay_step& step_;
  std::vector<PluginInPass> plugins_;
  int64_t refused_ = 0;
};

}  // namespace patchbay

#endif  // PATCHBAY_HOST_VALIDATOR_REFUSING_MODEL_H_
