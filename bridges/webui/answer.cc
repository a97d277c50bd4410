#include "bridges/webui/answer.h"

namespace patchbay::webui {
namespace {

std::string Text(const Json& body) {
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

HttpResponse Answer(const Json& body) { return {.body = Text(body)}; }

HttpResponse ErrorAnswer(int status, const std::string& error, const std::string& detail) {
  return {.status = status,
          .body = Text({{"error", error}, {"detail", detail}, {"body", ""}, {"errors", detail}})};
}

HttpResponse StatusAnswer(const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return ErrorAnswer(404, "HTTPException", message);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return ErrorAnswer(422, "HTTPException", message);
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return ErrorAnswer(503, "HTTPException", message);
    default:
      return ErrorAnswer(500, "RuntimeError", message);
  }
}

HttpResponse ValidationAnswer(const Json& errors) {
  return {.status = 422, .body = Text({{"detail", errors}})};
}

}  // namespace patchbay::webui
