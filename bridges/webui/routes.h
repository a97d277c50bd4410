#ifndef PATCHBAY_BRIDGES_WEBUI_ROUTES_H_
#define PATCHBAY_BRIDGES_WEBUI_ROUTES_H_

#include "bridges/common/http_router.h"
#include "bridges/webui/context.h"

namespace patchbay::webui {

// txt2img, img2img, extras, png-info, progress, interrupt, skip.
void AddGenerationRoutes(Context& context, HttpRouter& router);
// Options, models, samplers, LoRAs and the other lists that clients read.
void AddInformationRoutes(Context& context, HttpRouter& router);
// What the other routes take and answer, as an OpenAPI description.
void AddDescriptionRoutes(HttpRouter& router);
// Routes of features that are not here, with empty answers of the right shape.
void AddEmptyRoutes(Context& context, HttpRouter& router);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_ROUTES_H_
