#include "host/cli/outpaint_rounds.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "host/base/status_macros.h"
#include "host/cli/output_files.h"
#include "host/cli/temporary_folder.h"
#include "host/engine/plugin_access.h"

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

// Each round has a picture and margins of its own, and only the first one the mask.
absl::Status CheckForSeveral(const GenerateOptions& generate) {
  if (generate.request.batch > 1) {
    return absl::InvalidArgumentError(
        "--batch: only one picture at a time can be painted in several rounds; draw the others "
        "with other seeds, or with --rounds 1");
  }
  for (const std::string& text : generate.plugins) {
    PATCHBAY_ASSIGN_OR_RETURN(const ChosenPlugin plugin, ParseChosenPlugin(text));
    if (plugin.id != kOutpainterPlugin) continue;
    for (const auto& [field, value] : plugin.settings) {
      constexpr std::array<std::string_view, 6> kOfRounds = {"picture", "mask",  "left",
                                                             "top",     "right", "bottom"};
      if (std::find(kOfRounds.begin(), kOfRounds.end(), field) == kOfRounds.end()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "--plugin outpainter:", field, " would be the same in each of several rounds; say it by ",
          field == "picture" || field == "mask" ? "the command's own arguments" : "--margins",
          ", or paint with --rounds 1"));
    }
  }
  return absl::OkStatus();
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

GenerateOptions RoundsPlan::FirstTask(const OutpaintOptions& options,
                                      const GenerateOptions& generate) const {
  GenerateOptions task = generate;
  task.round = {0, static_cast<int>(rounds.size())};
  AddOutpainting(options, {picture, rounds.front()}, task);
  return task;
}

absl::StatusOr<RoundsPlan> PlanRounds(const OutpaintOptions& options,
                                      const GenerateOptions& generate,
                                      const ModelDescriber& describe) {
  PATCHBAY_RETURN_IF_ERROR(CheckOutputPaths(generate));
  PATCHBAY_ASSIGN_OR_RETURN(const OutpaintPlan outpainting, PlanOutpainting(options));
  RoundsPlan plan{outpainting.picture, {}};
  PATCHBAY_ASSIGN_OR_RETURN(plan.rounds, RoundsOf(options, outpainting, generate, describe));
  if (plan.rounds.size() > 1) PATCHBAY_RETURN_IF_ERROR(CheckForSeveral(generate));
  return plan;
}

absl::Status PaintInRounds(const OutpaintOptions& options, const GenerateOptions& generate,
                           const RoundsPlan& plan, const GenerateRunner& draw) {
  GenerateOptions task = plan.FirstTask(options, generate);
  if (plan.rounds.size() == 1) return draw(task);
  PATCHBAY_ASSIGN_OR_RETURN(const auto folder, TemporaryFolder::Make());
  // So that the seed that is told in the end gives the picture again.
  const uint64_t seed = generate.seed.value_or(std::random_device{}());
  OutpaintOptions round = options;
  PictureSize picture = plan.picture;
  for (size_t i = 0; i < plan.rounds.size(); ++i) {
    const PictureMargins& margins = plan.rounds[i];
    task = generate;
    task.seed = seed;
    task.round = {static_cast<int>(i), static_cast<int>(plan.rounds.size())};
    AddOutpainting(round, {picture, margins}, task);
    const std::string painted = folder->FileNamed(absl::StrCat("round-", i + 1, ".png"));
    if (!task.round.is_last()) DrawForNext(painted, task);
    PATCHBAY_RETURN_IF_ERROR(draw(task));
    round.picture_file = painted;
    round.mask_file.clear();
    picture.width += margins[0] + margins[2];
    picture.height += margins[1] + margins[3];
  }
  return absl::OkStatus();
}

}  // namespace patchbay
