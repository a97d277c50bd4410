#include "host/plugins/descriptor_reader.h"

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "patchbay/abi_struct.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

constexpr size_t kMaxTextBytes = 65536;
constexpr uint32_t kMaxElements = 1024;

// Reads on after an error, with empty values, and keeps the first error.
class DescriptorReader {
 public:
  PluginDescription Read(const patchbay_descriptor& given) {
    PluginDescription description;
    if (given.struct_size < sdk::kSmallestSize<patchbay_descriptor>) {
      Fail("descriptor", "its struct_size is smaller than this ABI's");
      return description;
    }
    const patchbay_descriptor d = sdk::copy_prefix(given);
    description.id = Text(d.id, "id");
    description.title = Text(d.title, "title");
    description.version = Text(d.version, "version");
    description.summary = Text(d.summary, "summary");
    description.source = Text(d.source, "source");
    description.licence = Text(d.licence, "licence");
    description.fields = Fields(d.fields, d.field_count, "fields");
    description.actions =
        List<PluginAction>(d.actions, d.action_count, "actions",
                           [this](const patchbay_action& action) { return Action(action); });
    description.required_hooks = Ids(d.required_hooks, d.required_hook_count, "required_hooks");
    description.before = Ids(d.before, d.before_count, "before");
    description.after = Ids(d.after, d.after_count, "after");
    description.conflicts = Ids(d.conflicts, d.conflict_count, "conflicts");
    description.phase = d.phase;
    if (CanRead(d.families, d.family_count, "families")) {
      description.families.assign(d.families, d.families + d.family_count);
    }
    description.flags = d.flags;
    return description;
  }

  const absl::Status& status() const { return status_; }

 private:
  void Fail(const char* where, const std::string& message) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat("the plugin's ", where, ": ", message));
    }
  }

  std::string Text(const char* text, const char* where) {
    if (text == nullptr) {
      Fail(where, "is NULL; it must be a string, perhaps \"\"");
      return "";
    }
    const size_t length = strnlen(text, kMaxTextBytes + 1);
    if (length > kMaxTextBytes) {
      Fail(where, absl::StrCat("has more than ", kMaxTextBytes, " bytes"));
      return "";
    }
    return std::string(text, length);
  }

  bool CanRead(const void* elements, uint32_t count, const char* where) {
    if (count == 0) return false;
    if (elements == nullptr) Fail(where, absl::StrCat("is NULL, but its count is ", count));
    if (count > kMaxElements) Fail(where, absl::StrCat("has ", count, " elements"));
    return elements != nullptr && count <= kMaxElements;
  }

  // Elements stand as far apart as their maker's struct is large.
  template <class Result, class Element, class Read>
  std::vector<Result> List(const Element* elements, uint32_t count, const char* where, Read read) {
    std::vector<Result> list;
    if (!CanRead(elements, count, where)) return list;
    const uint32_t stride = elements->struct_size;
    if (stride < sdk::kSmallestSize<Element>) {
      Fail(where, "the struct_size of its elements is smaller than this ABI's");
      return list;
    }
    for (uint32_t i = 0; i < count; ++i) {
      const Element element = sdk::element(elements, i);
      if (element.struct_size != stride) {
        Fail(where, "its elements differ in struct_size");
        return list;
      }
      list.push_back(read(element));
    }
    return list;
  }

  std::vector<std::string> Ids(const char* const* ids, uint32_t count, const char* where) {
    std::vector<std::string> list;
    if (!CanRead(ids, count, where)) return list;
    for (uint32_t i = 0; i < count; ++i) list.push_back(Text(ids[i], where));
    return list;
  }

  PluginField Field(const patchbay_field& f) {
    PluginField field;
    field.id = Text(f.id, "field's id");
    field.number = f.number;
    field.type = f.type;
    field.label = Text(f.label, "field's label");
    field.help = Text(f.help, "field's help");
    field.group = Text(f.group, "field's group");
    field.unit = f.unit;
    field.flags = f.flags;
    if (sdk::has_range(f.type)) {
      field.minimum = f.minimum;
      field.maximum = f.maximum;
      field.soft_minimum = f.soft_minimum;
      field.soft_maximum = f.soft_maximum;
      field.step = f.step;
    }
    field.default_text = Text(f.default_text, "field's default_text");
    if (f.type == PATCHBAY_FIELD_CHOICE) {
      field.choices = List<
          FieldChoice>(f.choices, f.choice_count, "choices", [this](const patchbay_choice& choice) {
        return FieldChoice{Text(choice.id, "choice's id"), Text(choice.label, "choice's label")};
      });
    }
    field.visible_if = Text(f.visible_if, "field's visible_if");
    return field;
  }

  std::vector<PluginField> Fields(const patchbay_field* fields, uint32_t count, const char* where) {
    return List<PluginField>(fields, count, where,
                             [this](const patchbay_field& field) { return Field(field); });
  }

  PluginAction Action(const patchbay_action& action) {
    return {Text(action.id, "action's id"), Text(action.title, "action's title"),
            Text(action.help, "action's help"),
            Fields(action.fields, action.field_count, "action's fields")};
  }

  absl::Status status_;
};

}  // namespace

absl::StatusOr<PluginDescription> ReadDescriptor(const patchbay_descriptor& descriptor) {
  DescriptorReader reader;
  PluginDescription description = reader.Read(descriptor);
  if (!reader.status().ok()) return reader.status();
  return description;
}

}  // namespace patchbay
