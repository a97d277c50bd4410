#ifndef PATCHBAY_BRIDGES_COMFYUI_PLUGIN_WATCH_H_
#define PATCHBAY_BRIDGES_COMFYUI_PLUGIN_WATCH_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "bridges/comfyui/client_hub.h"
#include "bridges/common/host_session.h"

namespace patchbay::comfyui {

// Looks every two seconds, while pages are open, whether the host's plugins have changed, and sends
// them "patchbay_plugins" then, so that they fetch the nodes anew.
class PluginWatch {
 public:
  PluginWatch(HostSession& host, ClientHub& hub);
  ~PluginWatch();

 private:
  void Watch();

  HostSession& host_;
  ClientHub& hub_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace patchbay::comfyui

#endif  // PATCHBAY_BRIDGES_COMFYUI_PLUGIN_WATCH_H_
