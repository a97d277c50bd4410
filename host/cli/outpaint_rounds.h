#ifndef PATCHBAY_HOST_CLI_OUTPAINT_ROUNDS_H_
#define PATCHBAY_HOST_CLI_OUTPAINT_ROUNDS_H_

#include <vector>

#include "host/cli/generate_command.h"
#include "host/cli/model_command.h"
#include "host/cli/outpaint_options.h"

namespace patchbay {

inline constexpr int kMostRounds = 64;

// How many rounds margins are painted in when the program chooses: as many as keep each round's
// within half the side of the pictures that the model was trained on (pixels); one where the whole
// canvas is no larger than those.
int RoundsFor(const OutpaintPlan& plan, int native_side);

// Each round's margins, the innermost first: `rounds` of them, or fewer where there are too few
// pixels. They add up to `margins`. All but the first are multiples of kCanvasStep, so that a
// round's picture begins where a cell of the latent does.
std::vector<PictureMargins> SplitMargins(const PictureMargins& margins, int rounds);

// A picture and in which rounds it is painted; one at least.
struct RoundsPlan {
  PictureSize picture;
  std::vector<PictureMargins> rounds;

  // The first round's; of the others the picture is still to be painted.
  GenerateOptions FirstTask(const OutpaintOptions& options, const GenerateOptions& generate) const;
};

// `describe` tells the model's size where the program chooses the rounds. INVALID_ARGUMENT for what
// cannot be painted so.
absl::StatusOr<RoundsPlan> PlanRounds(const OutpaintOptions& options,
                                      const GenerateOptions& generate,
                                      const ModelDescriber& describe);

// Paints by `draw`, round by round, each from the picture that the last one left. Only the last
// one's is kept.
absl::Status PaintInRounds(const OutpaintOptions& options, const GenerateOptions& generate,
                           const RoundsPlan& plan, const GenerateRunner& draw);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_OUTPAINT_ROUNDS_H_
