#ifndef PATCHBAY_BRIDGES_WEBUI_MODEL_NAMES_H_
#define PATCHBAY_BRIDGES_WEBUI_MODEL_NAMES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "patchbay/v1/model_service.pb.h"

namespace patchbay::webui {

// A model as A1111 lists it. The host tells no digest of a checkpoint's content, which would take
// reading all of it; `hash` is the first ten digits of the SHA-256 of the model's name and size.
struct ModelTitle {
  std::string host_name;   // "folder/film"
  std::string title;       // "folder/film.safetensors [0123456789]"
  std::string model_name;  // "film"
  std::string hash;
  std::string file_name;  // "folder/film.safetensors"
};

ModelTitle TitleOf(const v1::Model& model);

// Finds a model by its title, file name, host name, bare name or hash; case does not count, and a
// hash in brackets at the end may be absent or another. NOT_FOUND names the models.
absl::StatusOr<ModelTitle> FindModel(const std::vector<v1::Model>& models, std::string_view name);

// The model that requests use that name none: the host's default, else the first. NOT_FOUND when
// there is no model.
absl::StatusOr<ModelTitle> DefaultModel(const std::vector<v1::Model>& models);

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_MODEL_NAMES_H_
