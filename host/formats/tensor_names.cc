#include "host/formats/tensor_names.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/excerpt.h"
#include "host/base/status_macros.h"
#include "host/formats/pytorch_file.h"

namespace patchbay {
namespace {

using Kind = PickledValue::Kind;

constexpr int kDeepest = 32;
// Containers may be shared, so that few bytes describe many entries.
constexpr size_t kMostEntries = 1u << 20;
constexpr size_t kLongestName = 1024;

absl::Status NameIsTooLong() {
  return absl::InvalidArgumentError("a name in it is too long for a tensor's");
}

class Walk {
 public:
  absl::Status Enter(const PickledValue& value, const std::string& name, int depth) {
    if (depth > kDeepest || ++entries_ > kMostEntries) {
      return absl::InvalidArgumentError("its dictionaries are nested without end");
    }
    if (name.size() > kLongestName) return NameIsTooLong();
    switch (value.kind) {
      case Kind::kTensor:
        return Keep(*value.tensor, name);
      case Kind::kDictionary:
        for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
          PATCHBAY_ASSIGN_OR_RETURN(const std::string key, KeyText(*value.items[i]));
          PATCHBAY_RETURN_IF_ERROR(Enter(*value.items[i + 1], Joined(name, key), depth + 1));
        }
        return absl::OkStatus();
      case Kind::kList:
      case Kind::kTuple:
        for (size_t i = 0; i < value.items.size(); ++i) {
          PATCHBAY_RETURN_IF_ERROR(
              Enter(*value.items[i], Joined(name, absl::StrCat(i)), depth + 1));
        }
        return absl::OkStatus();
      default:
        LeaveOut(name);
        return absl::OkStatus();
    }
  }

  void LeaveOut(const std::string& name) {
    if (result_.left_out.size() < kMostNamesLeftOut) result_.left_out.push_back(name);
  }

  NamedTensors Take() { return std::move(result_); }

  static absl::StatusOr<std::string> KeyText(const PickledValue& key) {
    if (key.kind == Kind::kText && key.text.size() > kLongestName) return NameIsTooLong();
    if (key.kind == Kind::kText) return key.text;
    if (key.kind == Kind::kInteger) return absl::StrCat(key.integer);
    return absl::InvalidArgumentError("a dictionary in it has a key that is no text");
  }

 private:
  static std::string Joined(const std::string& name, const std::string& key) {
    return name.empty() ? key : absl::StrCat(name, ".", key);
  }

  absl::Status Keep(const PickledTensor& tensor, const std::string& name) {
    if (name.empty()) {
      return absl::InvalidArgumentError(
          "it holds one tensor without a name; save a dictionary of tensors");
    }
    if (result_.tensors.emplace(name, &tensor).second) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("it has two tensors that are called \"", Excerpt(name), "\""));
  }

  size_t entries_ = 0;
  NamedTensors result_;
};

}  // namespace

absl::StatusOr<NamedTensors> NameTensors(const PickledValue& root) {
  Walk walk;
  const PickledValue* start = &root;
  if (root.kind == Kind::kDictionary) {
    for (size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const PickledValue& key = *root.items[i];
      if (key.kind == Kind::kText && key.text == "state_dict" &&
          root.items[i + 1]->kind == Kind::kDictionary) {
        start = root.items[i + 1];
      }
    }
    for (size_t i = 0; start != &root && i + 1 < root.items.size(); i += 2) {
      PATCHBAY_ASSIGN_OR_RETURN(const std::string key, Walk::KeyText(*root.items[i]));
      if (root.items[i + 1] != start) walk.LeaveOut(key);
    }
  }
  PATCHBAY_RETURN_IF_ERROR(walk.Enter(*start, "", 0));
  NamedTensors named = walk.Take();
  if (named.tensors.empty()) return absl::InvalidArgumentError("it holds no tensors");
  return named;
}

}  // namespace patchbay
