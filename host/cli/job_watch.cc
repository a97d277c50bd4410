#include "host/cli/job_watch.h"

#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/cli/interrupt.h"
#include "host/formats/picture.h"

namespace patchbay {
namespace {

void ShowPreview(const JobPreview& preview, ProgressDisplay& display) {
  std::vector<Picture> pictures;
  for (const std::string& jpeg : preview.jpegs) {
    auto picture = DecodePicture(
        absl::MakeConstSpan(reinterpret_cast<const std::byte*>(jpeg.data()), jpeg.size()));
    if (picture.ok()) pictures.push_back(*std::move(picture));
  }
  if (!pictures.empty() && display.WantsPreview()) display.OnPreview(pictures);
}

}  // namespace

absl::StatusOr<Job> WatchJob(const std::string& id, uint64_t after_sequence, bool quiet,
                             const std::string& preview_file, Client& client,
                             const PaintingRound& round) {
  ProgressDisplay display(quiet, preview_file, round);
  Client::WatchOptions options;
  options.after_sequence = after_sequence;
  options.previews = !preview_file.empty();
  return client.Watch(
      id, options,
      [&display](const JobEvent& event) {
        if (const auto* progress = std::get_if<JobProgress>(&event.what)) {
          display.OnStep(progress->pass, progress->step, progress->steps, progress->seconds);
        } else if (const auto* preview = std::get_if<JobPreview>(&event.what)) {
          ShowPreview(*preview, display);
        }
      },
      WasInterrupted);
}

absl::Status OutcomeOf(const Job& job) {
  if (job.state == JobState::kSucceeded) return absl::OkStatus();
  if (job.state == JobState::kFailed) return job.error;
  return absl::CancelledError(absl::StrCat("generation ", job.id, " was cancelled"));
}

}  // namespace patchbay
