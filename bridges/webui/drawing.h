#ifndef PATCHBAY_BRIDGES_WEBUI_DRAWING_H_
#define PATCHBAY_BRIDGES_WEBUI_DRAWING_H_

#include "bridges/common/http_message.h"
#include "bridges/webui/context.h"
#include "bridges/webui/generation_form.h"

namespace patchbay::webui {

// Draws what the form asks for, when its turn has come, and answers as A1111 does: {images,
// parameters, info}. Waits until it is done. An interrupted request answers with what there is, a
// picture that was under way being its last preview at full size.
HttpResponse Draw(Context& context, GenerationForm form);

// A base64 text, with or without "data:...;base64," before it, as bytes. INVALID_ARGUMENT;
// addresses (http...) are refused, since the bridge would fetch them in the caller's stead.
absl::StatusOr<std::string> PictureBytes(const std::string& text);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_DRAWING_H_
