#ifndef PATCHBAY_HOST_CLI_CLIP_OUTPAINTING_H_
#define PATCHBAY_HOST_CLI_CLIP_OUTPAINTING_H_

#include "absl/status/status.h"
#include "host/cli/job_drawer.h"
#include "host/cli/outpaint_options.h"
#include "host/cli/plugin_action_command.h"

namespace patchbay {

// Paints around a clip of any length: job after job, each for so many frames, of which the first
// are what the job before has painted, known as a whole. Frames are written as they come, so that
// memory does not grow with the clip. Where it does not end well, nothing is left.
absl::Status PaintClip(const OutpaintOptions& options, const GenerateOptions& generate,
                       const JobChecker& check, const DrawerOpener& open_drawer,
                       const ActionProgram& run_action);

// How many frames of a job the one before has painted: as the user says, else a quarter where a
// motion module lets frames act on each other, and none where nothing does.
int OverlapOf(const OutpaintOptions& options);

// How many jobs a clip takes, each with at most `at_once` frames.
int64_t JobsFor(int64_t frames, int at_once, int overlap);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_CLI_CLIP_OUTPAINTING_H_
