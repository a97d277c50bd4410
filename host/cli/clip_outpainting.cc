#include "host/cli/clip_outpainting.h"

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "host/base/file_writer.h"
#include "host/base/status_macros.h"
#include "host/base/stopwatch.h"
#include "host/cli/clip_canvas.h"
#include "host/cli/clip_report.h"
#include "host/cli/clip_source.h"
#include "host/cli/interrupt.h"
#include "host/cli/outpaint_adaptation.h"
#include "host/cli/temporary_folder.h"
#include "host/engine/plugin_values.h"
#include "host/formats/frame_writer.h"
#include "host/formats/safetensors.h"

namespace patchbay {
namespace {

namespace fs = std::filesystem;

absl::Status CheckOptions(const OutpaintOptions& options, const GenerateOptions& generate) {
  const auto wrong = [](std::string_view what) {
    return absl::InvalidArgumentError(std::string(what));
  };
  PATCHBAY_RETURN_IF_ERROR(ClipFormatOf(generate.output_file).status());
  if (generate.request.batch > 1) {
    return wrong(
        "--batch: a clip's frames are the pictures of the batch; say how many are drawn "
        "together with --frames-at-once");
  }
  if (options.rounds > 1) {
    return wrong("--rounds: a clip is painted in one round; outpaint what was written once more");
  }
  if (!generate.save_latent_file.empty() || generate.request.without_pictures) {
    return wrong("--save-latent and --latent-only are for pictures, not for clips");
  }
  if (OverlapOf(options) >= options.frames_at_once) {
    return wrong("--overlap must be less than --frames-at-once");
  }
  if (options.motion_module_file.empty() &&
      (!options.adapter_file.empty() || options.adapt_steps > 0)) {
    return wrong("--adapter and --adapt are for a motion module; give one with --motion-module");
  }
  if (!options.adapter_file.empty() && options.adapt_steps > 0) {
    return wrong("--adapt makes an adapter and --adapter names one; give one of the two");
  }
  if (!options.save_adapter_file.empty() && options.adapt_steps == 0) {
    return wrong("--save-adapter keeps what --adapt makes; say for how many steps");
  }
  if (!options.adapt_settings.empty() && options.adapt_steps == 0) {
    return wrong("--adapt-with is for what --adapt trains; say for how many steps");
  }
  return absl::OkStatus();
}

// A clip may not be written over while it is read.
absl::Status CheckPaths(const OutpaintOptions& options, const GenerateOptions& generate) {
  std::error_code error;
  const bool is_same = LeadToSameFile(options.picture_file, generate.output_file) ||
                       fs::equivalent(options.picture_file, generate.output_file, error);
  if (is_same) {
    return absl::InvalidArgumentError(
        absl::StrCat("-o ", generate.output_file, " is the clip that is read; name another file"));
  }
  return absl::OkStatus();
}

// Whether an adaptation of animatediff was trained on frames with the same noise.
absl::StatusOr<bool> WasTrainedOnSharedNoise(const std::string& adapter_file) {
  PATCHBAY_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(adapter_file));
  const auto found = file.metadata().find("shared_noise");
  return found != file.metadata().end() && found->second == "true";
}

class ClipPainter {
 public:
  ClipPainter(const OutpaintOptions& options, const GenerateOptions& generate)
      : options_(options), generate_(generate), overlap_(static_cast<size_t>(OverlapOf(options))) {
    generate_.seed = generate.seed.value_or(std::random_device{}());
    report_.seed = *generate_.seed;
    report_.file = generate.output_file;
  }

  absl::Status Run(const DrawerOpener& open_drawer, const ActionProgram& run_action) {
    PATCHBAY_RETURN_IF_ERROR(Paint(open_drawer, run_action));
    PrintClipReport(report_, generate_.json);
    return absl::OkStatus();
  }

 private:
  absl::Status Paint(const DrawerOpener& open_drawer, const ActionProgram& run_action) {
    const Stopwatch watch(report_.total_seconds);
    PATCHBAY_RETURN_IF_ERROR(Open());
    PATCHBAY_ASSIGN_OR_RETURN(const auto drawer, open_drawer());
    PATCHBAY_RETURN_IF_ERROR(Adapt(run_action));
    for (;;) {
      if (WasInterrupted()) return absl::CancelledError("cancelled");
      PATCHBAY_ASSIGN_OR_RETURN(std::vector<Picture> canvases, NextCanvases());
      if (canvases.size() == known_.size()) break;
      PATCHBAY_RETURN_IF_ERROR(PaintJob(canvases, *drawer));
    }
    if (report_.frames == 0) return absl::InvalidArgumentError("the clip has no frames");
    PATCHBAY_ASSIGN_OR_RETURN(std::vector<std::string> notes, writer_->Finish());
    std::move(notes.begin(), notes.end(), std::back_inserter(report_.warnings));
    return absl::OkStatus();
  }

  absl::Status Open() {
    PATCHBAY_ASSIGN_OR_RETURN(reader_, OpenClip(options_.picture_file));
    const ClipInfo& info = reader_->info();
    PATCHBAY_ASSIGN_OR_RETURN(plan_, PlanOutpainting(options_, {info.width, info.height}));
    PATCHBAY_ASSIGN_OR_RETURN(masks_, ClipMasks::Open(options_.mask_file, info));
    PATCHBAY_ASSIGN_OR_RETURN(folder_, TemporaryFolder::Make());
    const auto [left, top, right, bottom] = plan_.margins;
    report_.size = {left + info.width + right, top + info.height + bottom};
    PATCHBAY_RETURN_IF_ERROR(CheckFramesAtOnce());
    report_.rate = info.rate;
    ClipPlan plan{report_.size.width, report_.size.height, info.rate, ""};
    if (info.has_audio) PATCHBAY_RETURN_IF_ERROR(KeepSound(plan));
    PATCHBAY_ASSIGN_OR_RETURN(writer_, CreateClip(generate_.output_file, plan));
    return absl::OkStatus();
  }

  // A job's frames travel as one animation.
  absl::Status CheckFramesAtOnce() const {
    const int64_t most =
        PictureLimits().max_pixels / (int64_t{report_.size.width} * report_.size.height);
    if (most >= options_.frames_at_once) return absl::OkStatus();
    const std::string size = absl::StrCat(report_.size.width, "x", report_.size.height);
    return absl::InvalidArgumentError(
        absl::StrCat("--frames-at-once ", options_.frames_at_once, ": of frames of ", size,
                     " at most ", most, " can be drawn together; say --frames-at-once ", most));
  }

  absl::Status KeepSound(ClipPlan& plan) {
    PATCHBAY_ASSIGN_OR_RETURN(const ClipFormat format, ClipFormatOf(generate_.output_file));
    if (format == ClipFormat::kMp4 || format == ClipFormat::kWebm) {
      plan.sound_of = options_.picture_file;
    } else {
      report_.warnings.push_back("the sound is left out: only .mp4 and .webm files hold sound");
    }
    return absl::OkStatus();
  }

  absl::Status Adapt(const ActionProgram& run_action) {
    if (options_.adapt_steps > 0) {
      const Stopwatch watch(report_.adapt_seconds);
      options_.adapter_file = options_.save_adapter_file.empty()
                                  ? folder_->FileNamed("adaptation.safetensors")
                                  : options_.save_adapter_file;
      PATCHBAY_RETURN_IF_ERROR(
          AdaptToClip(options_, generate_, *folder_, run_action, options_.adapter_file));
    }
    if (options_.adapter_file.empty()) return absl::OkStatus();
    PATCHBAY_ASSIGN_OR_RETURN(shares_noise_, WasTrainedOnSharedNoise(options_.adapter_file));
    return absl::OkStatus();
  }

  // What the last job has painted, and then the clip's next frames.
  absl::StatusOr<std::vector<Picture>> NextCanvases() {
    std::vector<Picture> canvases;
    for (const Picture& known : known_) canvases.push_back(Opaque(known));
    while (canvases.size() < static_cast<size_t>(options_.frames_at_once)) {
      if (WasInterrupted()) return absl::CancelledError("cancelled");
      PATCHBAY_ASSIGN_OR_RETURN(const std::optional<Picture> frame, reader_->Next());
      if (!frame.has_value()) break;
      PATCHBAY_ASSIGN_OR_RETURN(const Picture* const mask, masks_.Next());
      canvases.push_back(OnClipCanvas(*frame, mask, plan_.margins));
    }
    return canvases;
  }

  absl::Status PaintJob(const std::vector<Picture>& canvases, JobDrawer& drawer) {
    PATCHBAY_ASSIGN_OR_RETURN(GenerateOptions task, TaskFor(canvases));
    PATCHBAY_ASSIGN_OR_RETURN(DrawnJob drawn, drawer.Draw(task));
    std::vector<Picture>& painted = drawn.result.pictures;
    if (painted.size() != canvases.size()) {
      return absl::InternalError(absl::StrCat("a job for ", canvases.size(), " frames drew ",
                                              painted.size(), " pictures"));
    }
    for (size_t i = known_.size(); i < painted.size(); ++i) {
      PATCHBAY_RETURN_IF_ERROR(writer_->Add(painted[i]));
      ++report_.frames;
    }
    Remember(drawn);
    painted.erase(painted.begin(),
                  painted.end() - static_cast<ptrdiff_t>(std::min(overlap_, painted.size())));
    known_ = std::move(painted);
    return absl::OkStatus();
  }

  absl::StatusOr<GenerateOptions> TaskFor(const std::vector<Picture>& canvases) {
    std::error_code ignored;
    fs::remove(canvases_file_, ignored);
    canvases_file_ = folder_->FileNamed(absl::StrCat("frames-", report_.jobs + 1, ".webp"));
    PATCHBAY_ASSIGN_OR_RETURN(
        const auto writer,
        CreateClip(canvases_file_, {report_.size.width, report_.size.height, {}, ""}));
    for (const Picture& canvas : canvases) {
      if (WasInterrupted()) return absl::CancelledError("cancelled");
      PATCHBAY_RETURN_IF_ERROR(writer->Add(canvas));
    }
    PATCHBAY_RETURN_IF_ERROR(writer->Finish().status());
    GenerateOptions task = generate_;
    task.output_file = "frame.png";  // how a server is to keep them: without loss
    task.request.batch = static_cast<int>(canvases.size());
    task.round = RoundOf();
    OutpaintOptions outpaint = options_;
    outpaint.picture_file = canvases_file_;
    outpaint.mask_file.clear();
    AddOutpainting(outpaint, {report_.size, {}}, task);
    AddMotion(task);
    return task;
  }

  // For the progress; a clip that does not say how long it is may turn out longer.
  PaintingRound RoundOf() const {
    const int64_t jobs =
        JobsFor(reader_->info().frame_count, options_.frames_at_once, static_cast<int>(overlap_));
    return {report_.jobs, static_cast<int>(std::max<int64_t>(jobs, report_.jobs + 1))};
  }

  void AddMotion(GenerateOptions& task) const {
    if (options_.motion_module_file.empty()) return;
    const auto [left, top, right, bottom] = plan_.margins;
    const auto beyond = [](int length) {
      return (kCanvasStep - length % kCanvasStep) % kCanvasStep;
    };
    SettingPairs settings = {{"module", options_.motion_module_file}};
    if (!options_.adapter_file.empty()) {
      const SettingPairs of_adapter = {
          {"lora", options_.adapter_file},
          {"left", absl::StrCat(left)},
          {"top", absl::StrCat(top)},
          {"right", absl::StrCat(right + beyond(report_.size.width))},
          {"bottom", absl::StrCat(bottom + beyond(report_.size.height))}};
      settings.insert(settings.end(), of_adapter.begin(), of_adapter.end());
    }
    AddPlugin("animatediff", settings, task);
    // Modules were trained on frames with noise of their own, which an adaptation may change.
    AddPlugin("outpainter", {{"shared_noise", shares_noise_ ? "true" : "false"}}, task);
  }

  void Remember(const DrawnJob& drawn) {
    report_.of_last_job = drawn.result.report;
    report_.load_seconds = drawn.load_seconds;
    report_.peak_memory_bytes =
        std::max(report_.peak_memory_bytes, drawn.result.report.peak_memory_bytes);
    for (const std::string& warning : drawn.result.report.warnings) {
      const auto known = std::find(report_.warnings.begin(), report_.warnings.end(), warning);
      if (known == report_.warnings.end()) report_.warnings.push_back(warning);
    }
    ++report_.jobs;
  }

  OutpaintOptions options_;
  GenerateOptions generate_;
  const size_t overlap_;
  OutpaintPlan plan_;
  ClipReport report_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<FrameReader> reader_;
  std::unique_ptr<FrameWriter> writer_;
  ClipMasks masks_;
  bool shares_noise_ = false;
  std::string canvases_file_;
  std::vector<Picture> known_;
};

}  // namespace

int OverlapOf(const OutpaintOptions& options) {
  if (options.overlap >= 0) return options.overlap;
  return options.motion_module_file.empty() ? 0 : options.frames_at_once / 4;
}

int64_t JobsFor(int64_t frames, int at_once, int overlap) {
  const int64_t after_first = std::max<int64_t>(frames - at_once, 0);
  const int64_t each = at_once - overlap;
  return 1 + (after_first + each - 1) / each;
}

absl::Status PaintClip(const OutpaintOptions& options, const GenerateOptions& generate,
                       const JobChecker& check, const DrawerOpener& open_drawer,
                       const ActionProgram& run_action) {
  PATCHBAY_RETURN_IF_ERROR(CheckOptions(options, generate));
  PATCHBAY_RETURN_IF_ERROR(CheckPaths(options, generate));
  PATCHBAY_RETURN_IF_ERROR(CheckSavedAdapter(options, generate));
  PATCHBAY_RETURN_IF_ERROR(check(generate));
  return ClipPainter(options, generate).Run(open_drawer, run_action);
}

}  // namespace patchbay
