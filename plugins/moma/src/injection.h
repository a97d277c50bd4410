#ifndef PATCHBAY_PLUGINS_MOMA_SRC_INJECTION_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_INJECTION_H_

#include <patchbay/aten.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/moma/src/pass.h"
#include "plugins/moma/src/prepared.h"

namespace moma {

// What a chain does with a subject in each of its passes. Immutable; what changes is in the Pass.
class Injection {
 public:
  struct Options {
    std::string subject;  // empty: none was named
    double strength = 1;
    double content = 1;
    double self_until = 950;
    bool use_mask = true;
    double mask_threshold = 0.2;
    bool compat = false;
    bool has_mask_of_its_own = false;  // the reference picture
    std::vector<double> factors;       // by block
    uint32_t overlay = 0;              // of the reference pass
  };

  // `prepared` must outlive the object.
  Injection(const Prepared& prepared, Options options);

  // Whether the terms act on what the network computes at all.
  bool acts_on_self() const { return options_.strength > 0; }
  bool acts_on_cross() const { return !prepared_->content.empty() && options_.content > 0; }
  // Whether the drawn subject's place is looked for.
  bool seeks_subject() const { return options_.use_mask && !options_.subject.empty(); }

  // Says in the job's report what is missing.
  Pass Begin(const patchbay::Step& step) const;
  // Takes over where the last step has drawn the subject; records the reference when its first
  // step has come.
  void BeforeStep(const patchbay::Step& step) const;
  // In the reference pass, at a self-attention.
  void Record(const patchbay::Step& step, const patchbay::AttentionCall& call, size_t block) const;
  // What is added to a self-attention and to a cross-attention; undefined for nothing.
  at::Tensor SelfTerm(const patchbay::Step& step, const patchbay::AttentionCall& call,
                      size_t block) const;
  at::Tensor CrossTerm(const patchbay::Step& step, const patchbay::AttentionCall& call,
                       size_t block) const;

 private:
  bool SelfActsAt(int32_t index, double timestep) const;
  void RecordReference(const patchbay::Step& step) const;
  void SeekSubject(const patchbay::Step& step, const patchbay::AttentionCall& call,
                   Pass& pass) const;

  const Prepared* prepared_;
  Options options_;
};

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_INJECTION_H_
