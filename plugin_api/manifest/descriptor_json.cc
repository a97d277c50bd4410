#include "plugin_api/manifest/descriptor_json.h"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>

#include "patchbay/abi_struct.h"
#include "patchbay/schema_names.h"

namespace patchbay {
namespace {

using Json = nlohmann::ordered_json;

// Beyond these the struct is damaged rather than large.
constexpr uint32_t kMaxElements = 1024;

[[noreturn]] void Fail(const std::string& message) { throw std::runtime_error(message); }

std::string Text(const char* text, const std::string& where) {
  if (text == nullptr) Fail(where + " is NULL; it must be a string, perhaps \"\"");
  return text;
}

double Finite(double value, const std::string& where) {
  if (!std::isfinite(value)) Fail(where + " is not a finite number");
  return value;
}

template <class Names>
std::string Name(const Names& names, int64_t value, const std::string& where) {
  const char* name = sdk::schema_name(names, value);
  if (name == nullptr) Fail(where + " is " + std::to_string(value) + ", which has no meaning");
  return name;
}

// Calls `read(element, where)` for each. Elements stand as far apart as their maker's struct is
// large.
template <class Element, class Read>
Json List(const Element* elements, uint32_t count, const std::string& where, Read read) {
  Json list = Json::array();
  if (count == 0) return list;
  if (elements == nullptr) Fail(where + " is NULL, but its count is " + std::to_string(count));
  if (count > kMaxElements) Fail(where + " has " + std::to_string(count) + " elements");
  const uint32_t stride = elements->struct_size;
  if (stride < sdk::kSmallestSize<Element>) Fail(where + "[0].struct_size is too small");
  for (uint32_t i = 0; i < count; ++i) {
    const Element element = sdk::element(elements, i);
    const std::string here = where + "[" + std::to_string(i) + "]";
    if (element.struct_size != stride) Fail(here + ".struct_size differs from the first one's");
    list.push_back(read(element, here));
  }
  return list;
}

Json Ids(const char* const* ids, uint32_t count, const std::string& where) {
  Json list = Json::array();
  if (count == 0) return list;
  if (ids == nullptr) Fail(where + " is NULL, but its count is " + std::to_string(count));
  if (count > kMaxElements) Fail(where + " has " + std::to_string(count) + " elements");
  for (uint32_t i = 0; i < count; ++i) list.push_back(Text(ids[i], where));
  return list;
}

Json Families(const patchbay_descriptor& descriptor) {
  Json list = Json::array();
  const uint32_t count = descriptor.family_count;
  if (count == 0) return list;
  if (descriptor.families == nullptr) Fail("families is NULL, but its count is not 0");
  if (count > kMaxElements) Fail("families has " + std::to_string(count) + " elements");
  for (uint32_t i = 0; i < count; ++i) {
    list.push_back(Name(sdk::kFamilyNames, descriptor.families[i], "families"));
  }
  return list;
}

template <class Table>
Json Flags(const Table& names, uint32_t flags, const std::string& where) {
  Json list = Json::array();
  uint32_t unnamed = flags;
  for (const sdk::SchemaName& flag : names) {
    if ((flags & flag.value) != 0) list.push_back(flag.name);
    unnamed &= ~static_cast<uint32_t>(flag.value);
  }
  if (unnamed != 0) Fail(where + " has bits without a meaning");
  return list;
}

Json Choice(const patchbay_choice& choice, const std::string& where) {
  return {{"id", Text(choice.id, where + ".id")}, {"label", Text(choice.label, where + ".label")}};
}

Json Field(const patchbay_field& field, const std::string& where) {
  Json json = {{"id", Text(field.id, where + ".id")},
               {"number", field.number},
               {"type", Name(sdk::kFieldTypeNames, field.type, where + ".type")},
               {"label", Text(field.label, where + ".label")},
               {"help", Text(field.help, where + ".help")},
               {"group", Text(field.group, where + ".group")},
               {"unit", Name(sdk::kUnitNames, field.unit, where + ".unit")},
               {"default", Text(field.default_text, where + ".default_text")},
               {"visible_if", Text(field.visible_if, where + ".visible_if")}};
  json["flags"] = Flags(sdk::kFieldFlagNames, field.flags, where + ".flags");
  if (sdk::has_range(field.type)) {
    json["minimum"] = Finite(field.minimum, where + ".minimum");
    json["maximum"] = Finite(field.maximum, where + ".maximum");
    json["soft_minimum"] = Finite(field.soft_minimum, where + ".soft_minimum");
    json["soft_maximum"] = Finite(field.soft_maximum, where + ".soft_maximum");
    json["step"] = Finite(field.step, where + ".step");
  }
  if (field.type == PATCHBAY_FIELD_CHOICE) {
    json["choices"] = List(field.choices, field.choice_count, where + ".choices", Choice);
  }
  return json;
}

Json Action(const patchbay_action& action, const std::string& where) {
  return {{"id", Text(action.id, where + ".id")},
          {"title", Text(action.title, where + ".title")},
          {"help", Text(action.help, where + ".help")},
          {"fields", List(action.fields, action.field_count, where + ".fields", Field)}};
}

patchbay_descriptor Descriptor(const patchbay_entry& entry) {
  const patchbay_plugin_functions* functions = entry.functions;
  if (functions == nullptr) Fail("the entry's functions are NULL");
  if (functions->struct_size < sdk::kSmallestSize<patchbay_plugin_functions>)
    Fail("functions.struct_size is too small");
  if (functions->descriptor == nullptr) Fail("functions.descriptor is NULL");
  const patchbay_descriptor* descriptor = functions->descriptor();
  if (descriptor == nullptr) Fail("the plugin could not describe itself: descriptor() gave NULL");
  if (descriptor->struct_size < sdk::kSmallestSize<patchbay_descriptor>)
    Fail("descriptor.struct_size is too small");
  return sdk::copy_prefix(*descriptor);
}

}  // namespace

void CheckEntry(const patchbay_entry& entry) {
  // The magic comes first: nothing behind it is known to be there before it is right.
  if (entry.magic != PATCHBAY_ABI_MAGIC) {
    Fail("this is no Patchbay plugin: " PATCHBAY_ENTRY_SYMBOL
         " does not begin with the magic number");
  }
  if (entry.struct_size < sdk::kSmallestSize<patchbay_entry>)
    Fail("the entry's struct_size is too small");
  if (entry.abi_major != PATCHBAY_ABI_MAJOR || entry.abi_minor > PATCHBAY_ABI_MINOR) {
    Fail("the plugin's ABI is " + std::to_string(entry.abi_major) + "." +
         std::to_string(entry.abi_minor) + "; this program knows " +
         std::to_string(PATCHBAY_ABI_MAJOR) + ".0 to " + std::to_string(PATCHBAY_ABI_MAJOR) + "." +
         std::to_string(PATCHBAY_ABI_MINOR));
  }
}

nlohmann::ordered_json EntryToJson(const patchbay_entry& entry) {
  const patchbay_descriptor d = Descriptor(entry);
  return {{"format", 1},
          {"id", Text(d.id, "id")},
          {"title", Text(d.title, "title")},
          {"version", Text(d.version, "version")},
          {"summary", Text(d.summary, "summary")},
          {"source", Text(d.source, "source")},
          {"licence", Text(d.licence, "licence")},
          {"abi", {{"major", entry.abi_major}, {"minor", entry.abi_minor}}},
          {"tier", Name(sdk::kTierNames, entry.tier, "tier")},
          {"fingerprint", Text(entry.fingerprint, "fingerprint")},
          {"phase", Name(sdk::kPhaseNames, d.phase, "phase")},
          {"required_hooks", Ids(d.required_hooks, d.required_hook_count, "required_hooks")},
          {"before", Ids(d.before, d.before_count, "before")},
          {"after", Ids(d.after, d.after_count, "after")},
          {"conflicts", Ids(d.conflicts, d.conflict_count, "conflicts")},
          {"families", Families(d)},
          {"flags", Flags(sdk::kPluginFlagNames, d.flags, "flags")},
          {"fields", List(d.fields, d.field_count, "fields", Field)},
          {"actions", List(d.actions, d.action_count, "actions", Action)}};
}

}  // namespace patchbay
