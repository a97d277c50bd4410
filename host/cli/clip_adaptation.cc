#include "host/cli/clip_adaptation.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/cli/clip_source.h"
#include "host/formats/frame_writer.h"

namespace patchbay {
namespace {

// A training step sees some that follow each other; more than these only add variety.
constexpr int64_t kMostFrames = 256;
constexpr char kResult[] = "adaptation.safetensors";

absl::Status WriteStart(const std::string& clip, const std::string& file) {
  PATCHBAY_ASSIGN_OR_RETURN(const auto reader, OpenClip(clip));
  const ClipInfo& info = reader->info();
  const int64_t pixels = int64_t{info.width} * info.height;
  const int64_t most = std::min(kMostFrames, PictureLimits().max_pixels / pixels);
  PATCHBAY_ASSIGN_OR_RETURN(const auto writer,
                            CreateClip(file, {info.width, info.height, info.rate, ""}));
  for (int64_t i = 0; i < most; ++i) {
    PATCHBAY_ASSIGN_OR_RETURN(const std::optional<Picture> frame, reader->Next());
    if (!frame.has_value()) break;
    PATCHBAY_RETURN_IF_ERROR(writer->Add(*frame));
  }
  return writer->Finish().status();
}

}  // namespace

absl::Status AdaptToClip(const OutpaintOptions& options, const GenerateOptions& generate,
                         const TemporaryFolder& folder, const ActionProgram& run,
                         const std::string& adapter_file) {
  const std::string clip = folder.FileNamed("clip.webp");
  PATCHBAY_RETURN_IF_ERROR(WriteStart(options.picture_file, clip));
  ActionOptions action;
  action.plugin = "animatediff";
  action.action = "adapt";
  action.model = generate.model;
  action.precision = CompleteEngineOptions(generate.engine).precision;
  action.settings = {{"frames", clip},
                     {"module", options.motion_module_file},
                     {"prompt", generate.request.prompt},
                     {"steps", absl::StrCat(options.adapt_steps)}};
  PATCHBAY_ASSIGN_OR_RETURN(const std::vector<ActionFile> files, run(action));
  const auto made = std::find_if(files.begin(), files.end(),
                                 [](const ActionFile& file) { return file.name == kResult; });
  if (made == files.end()) {
    return absl::InternalError(absl::StrCat("the adaptation made no file ", kResult));
  }
  return WriteFileAtomically(adapter_file, {made->bytes});
}

}  // namespace patchbay
