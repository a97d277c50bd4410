#ifndef PATCHBAY_BRIDGES_COMFYUI_JOB_SUMMARY_H_
#define PATCHBAY_BRIDGES_COMFYUI_JOB_SUMMARY_H_

#include <string>
#include <vector>

#include "bridges/comfyui/prompt_queue.h"

namespace patchbay::comfyui {

// Prompts as newer pages list them at /api/jobs, the oldest first: ended, running, waiting.
std::vector<Json> JobSummaries(PromptQueue& queue);
// One with its outputs and its graph; null when there is none of this id.
Json JobDetails(PromptQueue& queue, const std::string& id);

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_JOB_SUMMARY_H_
