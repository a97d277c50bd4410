#include "bridges/comfyui/routes.h"

namespace patchbay::comfyui {

void AddTwice(HttpRouter& router, const std::string& method, const std::string& path,
              const HttpHandler& handler, HandlerPace pace) {
  router.Add(method, path, handler, pace);
  router.Add(method, "/api" + path, handler, pace);
}

HttpResponse JsonAnswer(const Json& body, int status) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

HttpResponse Refusal(const absl::Status& status) {
  int code = 500;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      code = 400;
      break;
    case absl::StatusCode::kPermissionDenied:
      code = 403;
      break;
    case absl::StatusCode::kNotFound:
      code = 404;
      break;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
      code = 503;
      break;
    default:
      break;
  }
  return {.status = code,
          .content_type = "text/plain; charset=utf-8",
          .body = std::string(status.message())};
}

}  // namespace patchbay::comfyui
