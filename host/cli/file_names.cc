#include "host/cli/file_names.h"

#include <nlohmann/json.hpp>

namespace patchbay {

std::string SendableName(const std::string& name) {
  using Json = nlohmann::json;
  return Json::parse(Json(name).dump(-1, ' ', false, Json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace patchbay
