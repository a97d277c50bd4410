#include "bridges/webui/answer.h"
#include "bridges/webui/routes.h"

namespace patchbay::webui {

void AddEmptyRoutes(Context&, HttpRouter& router) {
  const auto always = [&router](const char* method, const std::string& path, const Json& answer) {
    router.Add(method, path, [answer](const HttpRequest&) { return Answer(answer); });
  };
  for (const char* name :
       {"sd-vae", "sd-modules", "hypernetworks", "face-restorers", "realesrgan-models"}) {
    always("GET", std::string("/sdapi/v1/") + name, Json::array());
  }
  // Files are looked for with each request, so there is nothing to refresh.
  for (const char* name :
       {"refresh-checkpoints", "refresh-embeddings", "refresh-vae", "refresh-loras"}) {
    always("POST", std::string("/sdapi/v1/") + name, nullptr);
  }
  always("GET", "/internal/ping", Json::object());
  always("GET", "/controlnet/version", {{"version", 0}});
  always("GET", "/controlnet/model_list", {{"model_list", Json::array()}});
  always("GET", "/controlnet/module_list",
         {{"module_list", Json::array()}, {"module_detail", Json::object()}});
  always("GET", "/controlnet/control_types", {{"control_types", Json::object()}});
  always("GET", "/controlnet/settings", {{"control_net_unit_count", 0}});
}

}  // namespace patchbay::webui
