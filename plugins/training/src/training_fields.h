#ifndef PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_FIELDS_H_
#define PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_FIELDS_H_

#include <patchbay/aten.h>

#include <cstdint>

namespace training {

// The fields that every action which trains has, so that they are called, limited and explained
// alike. kNumber is the field's own number in the action.

inline constexpr char kTrainingGroup[] = "Training";

template <uint32_t kNumber, typename Settings>
void DescribeSteps(patchbay::ActionFields<Settings>& d, int64_t Settings::*member,
                   const char* help) {
  d.template field<kNumber>(member, "steps")
      .label("Steps")
      .unit(PATCHBAY_UNIT_STEP)
      .range(1, 1000000)
      .soft_range(1, 2000)
      .group(kTrainingGroup)
      .help(help);
}

template <uint32_t kNumber, typename Settings>
void DescribeLearningRate(patchbay::ActionFields<Settings>& d, double Settings::*member) {
  d.template field<kNumber>(member, "learning_rate")
      .label("Learning rate")
      .range(1e-8, 1.0)
      .soft_range(1e-6, 1e-2)
      .group(kTrainingGroup)
      .help("Of AdamW, the same in all steps.");
}

template <uint32_t kNumber, typename Settings>
void DescribeRank(patchbay::ActionFields<Settings>& d, int64_t Settings::*member) {
  d.template field<kNumber>(member, "rank")
      .label("Rank")
      .range(1, 1024)
      .soft_range(1, 64)
      .group(kTrainingGroup)
      .help("Of the low-rank changes that are trained.");
}

template <uint32_t kNumber, typename Settings>
void DescribeSeed(patchbay::ActionFields<Settings>& d, int64_t Settings::*member) {
  d.template field<kNumber>(member, "seed")
      .label("Seed")
      .range(0, 9007199254740991.0)
      .group(kTrainingGroup)
      .help("Everything random depends on it.");
}

template <uint32_t kNumber, typename Settings>
void DescribeSaveEvery(patchbay::ActionFields<Settings>& d, int64_t Settings::*member) {
  d.template field<kNumber>(member, "save_every")
      .label("Save every")
      .unit(PATCHBAY_UNIT_STEP)
      .range(0, 1000000)
      .group(kTrainingGroup)
      .advanced()
      .help(
          "Keeps state.safetensors after every so many steps, and not only at the end and when "
          "cancelled. 0: only then.");
}

template <uint32_t kNumber, typename Settings>
void DescribeResume(patchbay::ActionFields<Settings>& d, patchbay::File Settings::*member) {
  d.template field<kNumber>(member, "resume")
      .label("Go on with")
      .help(
          "The state.safetensors of a run that was cancelled or is to be trained longer; all else "
          "must be as in that run, except that steps may be more.");
}

}  // namespace training

#endif  // PATCHBAY_PLUGINS_TRAINING_SRC_TRAINING_FIELDS_H_
