#ifndef PATCHBAY_BRIDGES_WEBUI_ANSWER_H_
#define PATCHBAY_BRIDGES_WEBUI_ANSWER_H_

#include <string>

#include "absl/status/status.h"
#include "bridges/common/http_message.h"
#include "bridges/common/json.h"

namespace patchbay::webui {

// 200 with JSON. Text that is not UTF-8 is repaired.
HttpResponse Answer(const Json& body);

// A1111's own shape of an error: {error, detail, body, errors}.
HttpResponse ErrorAnswer(int status, const std::string& error, const std::string& detail);

// The same for a failed call. NOT_FOUND 404, INVALID_ARGUMENT and FAILED_PRECONDITION 422,
// RESOURCE_EXHAUSTED and UNAVAILABLE 503, else 500.
HttpResponse StatusAnswer(const absl::Status& status);

// FastAPI's answer to fields that cannot be read: 422 {"detail": [{loc, msg, type}...]}.
HttpResponse ValidationAnswer(const Json& errors);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_ANSWER_H_
