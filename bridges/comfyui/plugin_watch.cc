#include "bridges/comfyui/plugin_watch.h"

#include <chrono>
#include <optional>

#include "absl/strings/str_cat.h"

namespace patchbay::comfyui {
namespace {

constexpr std::chrono::seconds kInterval(2);

}  // namespace

PluginWatch::PluginWatch(HostSession& host, ClientHub& hub)
    : host_(host), hub_(hub), thread_([this] { Watch(); }) {}

PluginWatch::~PluginWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void PluginWatch::Watch() {
  std::optional<std::string> last;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kInterval, [this] { return ending_; })) {
    if (!hub_.HasClients()) continue;
    lock.unlock();
    // A host that is away has no plugins that could be told of.
    if (const auto builds = host_.ListPluginBuilds(); builds.ok()) {
      std::string seen;
      for (const v1::Plugin& build : *builds) {
        absl::StrAppend(&seen, build.id(), " ", build.build(), " ", build.state(), " ",
                        build.place(), "\n");
      }
      if (last.has_value() && *last != seen) {
        hub_.SendOrBroadcast("", "patchbay_plugins", Json::object());
      }
      last = seen;
    }
    lock.lock();
  }
}

}  // namespace patchbay::comfyui
