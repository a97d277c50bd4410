#ifndef PATCHBAY_BRIDGES_WEBUI_FIELD_READER_H_
#define PATCHBAY_BRIDGES_WEBUI_FIELD_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridges/common/json.h"

namespace patchbay::webui {

// Reads the fields of a request's JSON object as pydantic 1 does, which A1111 has: absent and null
// fields leave the variable as it is, numbers may come as text, integers lose what stands behind
// the point, 0, 1 and words such as "yes" are truth values, unknown fields are ignored. Complaints
// are gathered, so that the answer names all of them.
class FieldReader {
 public:
  // `text`: the request's body; empty counts as {}.
  explicit FieldReader(std::string_view text);

  void Read(const std::string& name, bool& value);
  void Read(const std::string& name, int& value);
  void Read(const std::string& name, int64_t& value);
  void Read(const std::string& name, double& value);
  void Read(const std::string& name, std::optional<double>& value);
  void Read(const std::string& name, std::string& value);
  void Read(const std::string& name, std::vector<std::string>& value);
  // An object; a list when `or_list`.
  void Read(const std::string& name, Json& value, bool or_list = false);

  // Complains unless the value is within low..high.
  void CheckRange(const std::string& name, double value, double low, double high);

  bool Has(const std::string& name) const { return Find(name) != nullptr; }
  const Json& body() const { return body_; }
  // FastAPI's list of complaints; empty when everything could be read.
  const Json& errors() const { return errors_; }

 private:
  const Json* Find(const std::string& name) const;
  void Complain(const std::string& name, const std::string& message, const std::string& type);

  Json body_;
  Json errors_ = Json::array();
};

}  // namespace patchbay::webui

#endif  // PATCHBAY_BRIDGES_WEBUI_FIELD_READER_H_
