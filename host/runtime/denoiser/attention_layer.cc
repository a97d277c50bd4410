#include "host/runtime/denoiser/attention_layer.h"

#include "host/runtime/nn/attention.h"

namespace patchbay {

AttentionLayer::AttentionLayer(const ModuleScope& scope, int64_t features, int64_t context_features,
                               int64_t heads)
    : heads_(heads),
      to_q_(scope.Child("to_q"), features, -1, Linear::Bias::kIfStored),
      to_k_(scope.Child("to_k"), context_features, to_q_.out_features(), Linear::Bias::kIfStored),
      to_v_(scope.Child("to_v"), to_k_.in_features(), to_q_.out_features(),
            Linear::Bias::kIfStored),
      to_out_(scope.Child("to_out.0"), to_q_.out_features(), features, Linear::Bias::kRequired),
      site_(scope.AddSite(SiteKind::kAttention, features, features)) {}

KeyValue AttentionLayer::Project(const at::Tensor& context, const OperatorTable& operators) const {
  return {to_k_.Forward(context, operators), to_v_.Forward(context, operators)};
}

at::Tensor AttentionLayer::ForwardAdd(const at::Tensor& x, const KeyValue& key_value,
                                      const at::Tensor& residual,
                                      const OperatorTable& operators) const {
  const at::Tensor query = to_q_.Forward(x, operators);
  const at::Tensor attended = Attend(query, key_value.key, key_value.value, heads_);
  return to_out_.ForwardAdd(attended, residual, operators);
}

}  // namespace patchbay
