#include "host/cli/outpaint_rounds.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/output_files.h"
#include "host/cli/temporary_folder.h"

namespace patchbay {
namespace {

absl::StatusOr<int> NativeSide(const std::string& model, const ModelDescriber& describe) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, describe(model, /*json=*/true));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const int side = json.is_object() ? json.value("native_size", 0) : 0;
  if (side > 0) return side;
  return absl::FailedPreconditionError(
      "the model does not say which size it was trained for; say with --rounds how many there are");
}

absl::StatusOr<std::vector<PictureMargins>> RoundsOf(const OutpaintOptions& options,
                                                     const OutpaintPlan& plan,
                                                     const GenerateOptions& generate,
                                                     const ModelDescriber& describe) {
  if (options.rounds > 0) return SplitMargins(plan.margins, options.rounds);
  // Which of several pictures to go on from is nothing that the program could know.
  if (generate.request.batch > 1) return SplitMargins(plan.margins, 1);
  PATCHBAY_ASSIGN_OR_RETURN(const int native, NativeSide(generate.model, describe));
  return SplitMargins(plan.margins, RoundsFor(plan, native));
}

// A round whose picture the next one goes on from; what is wanted beside it is the last one's.
void DrawForNext(const std::string& picture_file, GenerateOptions& generate) {
  generate.output_file = picture_file;
  generate.save_latent_file.clear();
  generate.request.without_pictures = false;
}

}  // namespace

int RoundsFor(const OutpaintPlan& plan, int native_side) {
  const auto [left, top, right, bottom] = plan.margins;
  if (left + plan.picture.width + right <= native_side &&
      top + plan.picture.height + bottom <= native_side) {
    return 1;
  }
  const int widest = *std::max_element(plan.margins.begin(), plan.margins.end());
  const int most = std::max(native_side / 2, kCanvasStep);
  return std::clamp((widest + most - 1) / most, 1, kMostRounds);
}

std::vector<PictureMargins> SplitMargins(const PictureMargins& margins, int rounds) {
  PictureMargins later{};
  for (size_t side = 0; side < margins.size(); ++side) {
    later[side] = margins[side] / rounds / kCanvasStep * kCanvasStep;
  }
  if (rounds == 1 || later == PictureMargins{}) return {margins};
  PictureMargins first{};
  for (size_t side = 0; side < margins.size(); ++side) {
    first[side] = margins[side] - later[side] * (rounds - 1);
  }
  std::vector<PictureMargins> split(static_cast<size_t>(rounds), later);
  split.front() = first;
  return split;
}

absl::Status PaintInRounds(const OutpaintOptions& options, const GenerateOptions& generate,
                           const ModelDescriber& describe, const GenerateRunner& draw) {
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(generate));
  PATCHBAY_ASSIGN_OR_RETURN(OutpaintPlan plan, PlanOutpainting(options));
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<PictureMargins> rounds,
                            RoundsOf(options, plan, generate, describe));
  GenerateOptions task = generate;
  if (rounds.size() == 1) {
    AddOutpainting(options, plan, task);
    return draw(task);
  }
  if (generate.request.batch > 1) {
    return absl::InvalidArgumentError(
        "--batch: only one picture at a time can be painted in several rounds; draw the others "
        "with other seeds, or with --rounds 1");
  }
  PATCHBAY_ASSIGN_OR_RETURN(const auto folder, TemporaryFolder::Make());
  // So that the seed that is told in the end gives the picture again.
  const uint64_t seed = generate.seed.value_or(std::random_device{}());
  OutpaintOptions round = options;
  for (size_t i = 0; i < rounds.size(); ++i) {
    task = generate;
    task.seed = seed;
    task.round = {static_cast<int>(i), static_cast<int>(rounds.size())};
    plan.margins = rounds[i];
    AddOutpainting(round, plan, task);
    const std::string painted = folder->FileNamed(absl::StrCat("round-", i + 1, ".png"));
    if (!task.round.is_last()) DrawForNext(painted, task);
    PATCHBAY_RETURN_IF_ERROR(draw(task));
    round.picture_file = painted;
    round.mask_file.clear();
    plan.picture.width += plan.margins[0] + plan.margins[2];
    plan.picture.height += plan.margins[1] + plan.margins[3];
  }
  return absl::OkStatus();
}

}  // namespace patchbay
