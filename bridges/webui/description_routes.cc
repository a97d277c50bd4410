#include "bridges/webui/openapi.h"
#include "bridges/webui/routes.h"

namespace patchbay::webui {

void AddDescriptionRoutes(HttpRouter& router) {
  router.Add("GET", "/openapi.json",
             [](const HttpRequest&) { return HttpResponse{.body = std::string(kOpenApi)}; });
}

}  // namespace patchbay::webui
