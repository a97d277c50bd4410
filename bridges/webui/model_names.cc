#include "bridges/webui/model_names.h"

#include <openssl/sha.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/model_file_name.h"

namespace patchbay::webui {
namespace {

constexpr size_t kHashDigits = 10;

std::string ShortHash(const std::string& text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  const std::string hex =
      absl::BytesToHexString(std::string(reinterpret_cast<const char*>(digest), sizeof(digest)));
  return hex.substr(0, kHashDigits);
}

std::string WithoutHash(std::string_view name) {
  const size_t bracket = name.rfind(" [");
  return std::string(bracket == name.npos ? name : name.substr(0, bracket));
}

}  // namespace

ModelTitle TitleOf(const v1::Model& model) {
  ModelTitle title;
  title.host_name = model.name();
  title.file_name = ModelFileName(model.name());
  title.model_name = model.name().substr(model.name().rfind('/') + 1);
  title.hash = ShortHash(absl::StrCat(model.name(), "\n", model.size_bytes()));
  title.title = absl::StrCat(title.file_name, " [", title.hash, "]");
  return title;
}

absl::StatusOr<ModelTitle> FindModel(const std::vector<v1::Model>& models, std::string_view name) {
  const std::string wanted = WithoutHash(name);
  std::string known;
  for (const v1::Model& model : models) {
    ModelTitle title = TitleOf(model);
    for (const std::string& spelling :
         {title.file_name, title.host_name, title.model_name, title.hash}) {
      if (absl::EqualsIgnoreCase(wanted, spelling)) return title;
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", title.title);
  }
  return absl::NotFoundError(
      absl::StrCat("there is no model \"", std::string(name), "\"; there are: ", known));
}

absl::StatusOr<ModelTitle> DefaultModel(const std::vector<v1::Model>& models) {
  for (const v1::Model& model : models) {
    if (model.is_default()) return TitleOf(model);
  }
  if (models.empty()) return absl::NotFoundError("the server has no model");
  return TitleOf(models.front());
}

}  // namespace patchbay::webui
