#ifndef PATCHBAY_BRIDGES_COMFYUI_GRAPH_RUN_H_
#define PATCHBAY_BRIDGES_COMFYUI_GRAPH_RUN_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "bridges/comfyui/client_hub.h"
#include "bridges/comfyui/node_class.h"
#include "bridges/comfyui/prompt_history.h"

namespace patchbay::comfyui {

// What a node has made, kept for later prompts.
struct CachedResult {
  NodeValues values;
  Json ui;
  Json meta;
};
// By a digest of class, build, change token, literals and, in order, of the nodes that are linked;
// node ids do not count.
using ResultCache = std::map<std::string, std::shared_ptr<const CachedResult>>;

// What a run uses of its surroundings.
struct RunSurroundings {
  HostSession& host;
  PictureFolders& folders;
  ClientHub& hub;
  std::function<bool()> is_interrupted;
  std::function<void(std::function<void()>)> set_cancel;
  std::function<void(const std::string& node)> on_node;  // which node runs now
};

// Runs a validated prompt with ComfyUI's events, taking what it can from `cache`, which afterwards
// holds this prompt's results alone. Waits until it has ended; the last events, which come after
// the history has it, are the caller's.
EndedPrompt RunPrompt(const Prompt& prompt, const NodeCatalogue& catalogue,
                      const RunSurroundings& surroundings, ResultCache& cache);

// Milliseconds since 1970.
int64_t NowMilliseconds();

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_GRAPH_RUN_H_
