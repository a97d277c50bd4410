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
      site_(scope.AddSite(SiteKind::kAttention, features, features)) {
  scope.sites().Edit(site_).heads = heads;
}

KeyValue AttentionLayer::Project(const at::Tensor& context, const OperatorCall& operators) const {
  return {to_k_.Forward(context, operators), to_v_.Forward(context, operators)};
}

at::Tensor AttentionLayer::ForwardAdd(const at::Tensor& x, const KeyValue* key_value,
                                      const at::Tensor& residual, const TokenGrid& grid,
                                      const UNetCall& call) const {
  if (const AttentionHooks* hooks = call.hooks.attentions.Find(site_)) {
    return residual + ForwardHooked(x, key_value, grid, call, *hooks);
  }
  const KeyValue own = key_value == nullptr ? Project(x, call.operators) : *key_value;
  const at::Tensor query = to_q_.Forward(x, call.operators);
  const at::Tensor attended = Attend(query, own.key, own.value, heads_);
  return to_out_.ForwardAdd(attended, residual, call.operators);
}

at::Tensor AttentionLayer::ForwardHooked(const at::Tensor& x, const KeyValue* key_value,
                                         const TokenGrid& grid, const UNetCall& call,
                                         const AttentionHooks& hooks) const {
  const Evaluation& evaluation = call.evaluation();
  const auto edit = [&](const std::vector<AttentionHooks::TokenEdit>& edits, at::Tensor tokens) {
    for (const auto& hook : edits) {
      const at::Tensor edited = hook(evaluation, grid, tokens);
      if (edited.defined()) tokens = edited.contiguous();
    }
    return tokens;
  };
  const at::Tensor tokens = edit(hooks.before, x);
  const KeyValue own = key_value == nullptr ? Project(tokens, call.operators) : *key_value;
  const at::Tensor query = to_q_.Forward(tokens, call.operators);
  at::Tensor attended;
  const AttentionState state{grid, heads_, query, own.key, own.value, tokens, attended};
  for (const auto& hook : hooks.replace) {
    if (!attended.defined()) attended = hook(evaluation, state);
  }
  if (!attended.defined()) attended = Attend(query, own.key, own.value, heads_);
  at::Tensor sum = attended;
  for (const auto& hook : hooks.extend) {
    const at::Tensor term = hook(evaluation, state);
    if (term.defined()) sum = sum + term;
  }
  for (const auto& hook : hooks.observe) hook(evaluation, state);
  const at::Tensor output = edit(hooks.after, to_out_.Forward(sum.contiguous(), call.operators));
  if (output.sizes() != x.sizes()) {
    throw HookFailure(
        absl::InvalidArgumentError("hooks before an attention changed its number of tokens, and "
                                   "those after it did not restore "
                                   "it"));
  }
  return output;
}

}  // namespace patchbay
