#ifndef PATCHBAY_SDK_DESCRIPTION_H_
#define PATCHBAY_SDK_DESCRIPTION_H_

#include <cmath>
#include <cstdio>
#include <deque>
#include <functional>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "patchbay/abi/plugin.h"
#include "patchbay/abi_struct.h"
#include "patchbay/error.h"
#include "patchbay/tensor_tier.h"

namespace patchbay {

// A file that the user names; the host has checked that it is one that requests may name.
struct File {
  std::string path;  // absolute; empty: none was given
};

// A picture that the user gives.
struct Picture {
  Tensor rgba;  // [1, 4, H, W] in 0..1; undefined: none was given
};

namespace sdk {

// The spelling that patchbay_field.default_text has.
inline std::string spelling(bool value) { return value ? "true" : "false"; }
inline std::string spelling(int64_t value) { return std::to_string(value); }
inline std::string spelling(double value) {
  char text[32];
  // The shortest that reads back as the same number.
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*g", digits, value);
    if (std::stod(text) == value) break;
  }
  return text;
}
inline std::string spelling(const std::string& value) { return value; }
inline std::string spelling(const File&) { return ""; }
inline std::string spelling(const Picture&) { return ""; }
template <class Number>
std::string spelling(const std::vector<Number>& values) {
  std::string text;
  for (const Number& value : values) text += (text.empty() ? "" : "/") + spelling(value);
  return text;
}

template <class T>
constexpr patchbay_field_type field_type() {
  if constexpr (std::is_same_v<T, bool>) {
    return PATCHBAY_FIELD_BOOL;
  } else if constexpr (std::is_enum_v<T>) {
    return PATCHBAY_FIELD_CHOICE;
  } else if constexpr (std::is_integral_v<T>) {
    return PATCHBAY_FIELD_INT;
  } else if constexpr (std::is_same_v<T, double>) {
    return PATCHBAY_FIELD_DOUBLE;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return PATCHBAY_FIELD_STRING;
  } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
    return PATCHBAY_FIELD_INT_LIST;
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    return PATCHBAY_FIELD_DOUBLE_LIST;
  } else if constexpr (std::is_same_v<T, Picture>) {
    return PATCHBAY_FIELD_PICTURE;
  } else {
    static_assert(
        std::is_same_v<T, File>,
        "a setting is a bool, an integer, a double, a std::string, an enum with choices(), "
        "a std::vector of int64_t or double, a patchbay::Picture or a patchbay::File");
    return PATCHBAY_FIELD_FILE;
  }
}

template <class T>
void read_value(const patchbay_value& value, T& target) {
  if constexpr (std::is_same_v<T, bool>) {
    target = value.integer != 0;
  } else if constexpr (std::is_integral_v<T>) {
    target = static_cast<T>(value.integer);
  } else if constexpr (std::is_same_v<T, double>) {
    target = value.real;
  } else if constexpr (std::is_same_v<T, std::string>) {
    target = value.text;
  } else if constexpr (std::is_same_v<T, std::vector<int64_t>>) {
    target.assign(value.ints, value.ints + value.count);
  } else if constexpr (std::is_same_v<T, std::vector<double>>) {
    target.assign(value.reals, value.reals + value.count);
  } else if constexpr (std::is_same_v<T, Picture>) {
    target.rgba = borrow_optional(value.picture);
  } else if constexpr (std::is_same_v<T, File>) {
    target.path = value.text;
  }
}

}  // namespace sdk

// Collects what a plugin says of itself and of its settings. Texts are copied.
template <class Settings>
class Description {
 public:
  template <class T>
  class Field;

  Description() { descriptor_.phase = PATCHBAY_PHASE_NORMAL; }

  Description& id(const char* text) { return set(descriptor_.id, text); }
  Description& title(const char* text) { return set(descriptor_.title, text); }
  Description& version(const char* text) { return set(descriptor_.version, text); }
  // One sentence.
  Description& summary(const char* text) { return set(descriptor_.summary, text); }
  // Where the technique was published.
  Description& source(const char* text) { return set(descriptor_.source, text); }
  Description& licence(const char* spdx) { return set(descriptor_.licence, spdx); }
  Description& phase(patchbay_phase phase) {
    descriptor_.phase = phase;
    return *this;
  }
  // Its place among other plugins, by their ids.
  Description& before(const char* id) { return add(before_, id); }
  Description& after(const char* id) { return add(after_, id); }
  Description& conflicts(const char* id) { return add(conflicts_, id); }
  // A hook without which the plugin cannot work: PATCHBAY_HOOK_...
  Description& requires_hook(const char* id) { return add(required_hooks_, id); }

  // A setting. Number: positive, unique, and never used again for anything else; the position among
  // positional arguments.
  template <int32_t Number, class T>
  Field<T> field(T Settings::*member, const char* id) {
    static_assert(Number > 0);
    patchbay_field& field = fields_.emplace_back();
    field.struct_size = sizeof(field);
    field.id = keep(id);
    field.number = Number;
    field.type = sdk::field_type<T>();
    field.label = field.help = field.group = field.visible_if = "";
    const double limit = field.type == PATCHBAY_FIELD_DOUBLE ? std::numeric_limits<double>::max()
                                                             : 9007199254740992.0;  // 2^53
    field.minimum = field.soft_minimum = -limit;
    field.maximum = field.soft_maximum = limit;
    if constexpr (!std::is_enum_v<T>) field.default_text = keep(sdk::spelling(Settings{}.*member));
    readers_[Number] = [member](Settings& settings, const patchbay_value& value) {
      sdk::read_value(value, settings.*member);
    };
    return Field<T>(*this, member);
  }

  // The rest is for the SDK.
  const patchbay_descriptor* finish() {
    descriptor_.struct_size = sizeof(descriptor_);
    for (const char** text : {&descriptor_.title, &descriptor_.summary, &descriptor_.source}) {
      if (*text == nullptr) *text = "";
    }
    if (descriptor_.id == nullptr) descriptor_.id = "";
    if (descriptor_.version == nullptr) descriptor_.version = "0.0.0";
    if (descriptor_.licence == nullptr) descriptor_.licence = "";
    descriptor_.fields = fields_.data();
    descriptor_.field_count = static_cast<uint32_t>(fields_.size());
    expose(before_, descriptor_.before, descriptor_.before_count);
    expose(after_, descriptor_.after, descriptor_.after_count);
    expose(conflicts_, descriptor_.conflicts, descriptor_.conflict_count);
    expose(required_hooks_, descriptor_.required_hooks, descriptor_.required_hook_count);
    return &descriptor_;
  }
  Settings read(const patchbay_value* values, uint32_t count) const {
    Settings settings;
    for (uint32_t i = 0; i < count; ++i) {
      const patchbay_value value = sdk::element(values, i);
      const auto reader = readers_.find(value.number);
      if (reader == readers_.end()) {
        throw Error("there is no setting with number " + std::to_string(value.number));
      }
      reader->second(settings, value);
    }
    return settings;
  }

 private:
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }
  Description& set(const char*& target, const char* text) {
    target = keep(text);
    return *this;
  }
  Description& add(std::vector<const char*>& list, const char* text) {
    list.push_back(keep(text));
    return *this;
  }
  static void expose(const std::vector<const char*>& list, const char* const*& target,
                     uint32_t& count) {
    target = list.data();
    count = static_cast<uint32_t>(list.size());
  }

  patchbay_descriptor descriptor_{};
  std::vector<patchbay_field> fields_;
  std::deque<std::string> texts_;
  std::deque<std::vector<patchbay_choice>> choices_;
  std::vector<const char*> before_, after_, conflicts_, required_hooks_;
  std::map<int32_t, std::function<void(Settings&, const patchbay_value&)>> readers_;
};

// Says more of a field; used while describing only.
template <class Settings>
template <class T>
class Description<Settings>::Field {
 public:
  Field(Description& description, T Settings::*member)
      : description_(description), index_(description.fields_.size() - 1), member_(member) {}

  Field& label(const char* text) { return set(&patchbay_field::label, text); }
  Field& help(const char* text) { return set(&patchbay_field::help, text); }
  Field& group(const char* text) { return set(&patchbay_field::group, text); }
  // "field=value": front ends show this one only while that holds.
  Field& visible_if(const char* text) { return set(&patchbay_field::visible_if, text); }
  Field& unit(patchbay_unit unit) {
    get().unit = unit;
    return *this;
  }
  // What is accepted, ends included. Also what a slider offers, unless soft_range says otherwise.
  Field& range(double minimum, double maximum) {
    get().minimum = get().soft_minimum = minimum;
    get().maximum = get().soft_maximum = maximum;
    return *this;
  }
  Field& soft_range(double minimum, double maximum) {
    get().soft_minimum = minimum;
    get().soft_maximum = maximum;
    return *this;
  }
  Field& step(double step) {
    get().step = step;
    return *this;
  }
  Field& advanced() { return flag(PATCHBAY_FIELD_ADVANCED); }
  Field& multiline() { return flag(PATCHBAY_FIELD_MULTILINE); }
  Field& deprecated() { return flag(PATCHBAY_FIELD_DEPRECATED); }

  struct Choice {
    T value;
    const char* id;
    const char* label;
  };
  // What an enum's values are called.
  Field& choices(std::initializer_list<Choice> list) {
    static_assert(std::is_enum_v<T>, "only an enum has choices");
    auto& kept = description_.choices_.emplace_back();
    std::map<std::string, T> values;
    for (const Choice& choice : list) {
      kept.push_back(
          {sizeof(patchbay_choice), description_.keep(choice.id), description_.keep(choice.label)});
      values[choice.id] = choice.value;
      if (choice.value == Settings{}.*member_) get().default_text = kept.back().id;
    }
    get().choices = kept.data();
    get().choice_count = static_cast<uint32_t>(kept.size());
    description_.readers_[get().number] = [member = member_, values](Settings& settings,
                                                                     const patchbay_value& value) {
      const auto chosen = values.find(value.text);
      if (chosen == values.end())
        throw Error("there is no choice \"" + std::string(value.text) + "\"");
      settings.*member = chosen->second;
    };
    return *this;
  }

 private:
  // Fields move while others are added.
  patchbay_field& get() { return description_.fields_[index_]; }
  Field& set(const char* patchbay_field::*target, const char* text) {
    get().*target = description_.keep(text);
    return *this;
  }
  Field& flag(uint32_t flag) {
    get().flags |= flag;
    return *this;
  }

  Description& description_;
  size_t index_;
  T Settings::*member_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_DESCRIPTION_H_
