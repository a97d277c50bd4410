#ifndef PATCHBAY_SDK_FIELDS_H_
#define PATCHBAY_SDK_FIELDS_H_

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

#include "patchbay/abi/schema.h"
#include "patchbay/abi_struct.h"
#include "patchbay/error.h"
#include "patchbay/tensor_tier.h"

namespace patchbay {

// A file that the user gives: one that came with the request, or one of the host's folder that the
// request names. The path ends in the name that the request has for it. The content is the user's:
// check it. It stays as it is for as long as objects made with it are there, unless it lies in the
// host's folder and its owner changes it; objects made afterwards are others.
struct File {
  std::string path;  // absolute; empty: none was given
};

// A picture that the user gives: PNG, JPEG or WebP, turned upright as its EXIF data says. Grey and
// palettes are resolved to colours, 16 bits reduced to 8; what has no opacity is opaque.
struct Picture {
  // fp32 on the CPU, [1, 4, H, W] in 0..1, not premultiplied; undefined: none. Of a field with
  // frames(): [F, 4, H, W], in the order in which they are shown.
  Tensor rgba;
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

// Collects the settings of a plugin or of an action, by the members of a struct. Texts are copied.
template <class Settings>
class Fields {
 public:
  template <class T>
  class Field;

  Fields() = default;
  Fields(Fields&&) = default;
  Fields& operator=(Fields&&) = delete;

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
  const std::vector<patchbay_field>& list() const { return fields_; }
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

 protected:
  const char* keep(std::string text) { return texts_.emplace_back(std::move(text)).c_str(); }

 private:
  std::vector<patchbay_field> fields_;
  std::deque<std::string> texts_;
  std::deque<std::vector<patchbay_choice>> choices_;
  std::map<int32_t, std::function<void(Settings&, const patchbay_value&)>> readers_;
};

// Says more of a field; used while describing only.
template <class Settings>
template <class T>
class Fields<Settings>::Field {
 public:
  Field(Fields& fields, T Settings::*member)
      : owner_(fields), index_(fields.fields_.size() - 1), member_(member) {}

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
  // The picture may be a clip: an animated WebP, PNG or GIF file, an MP4 or WebM video. A still
  // picture is one frame.
  Field& frames() {
    static_assert(std::is_same_v<T, Picture>, "only a picture has frames");
    return flag(PATCHBAY_FIELD_FRAMES);
  }
  Field& deprecated() { return flag(PATCHBAY_FIELD_DEPRECATED); }

  struct Choice {
    T value;
    const char* id;
    const char* label;
  };
  // What an enum's values are called.
  Field& choices(std::initializer_list<Choice> list) {
    static_assert(std::is_enum_v<T>, "only an enum has choices");
    auto& kept = owner_.choices_.emplace_back();
    std::map<std::string, T> values;
    for (const Choice& choice : list) {
      kept.push_back({sizeof(patchbay_choice), owner_.keep(choice.id), owner_.keep(choice.label)});
      values[choice.id] = choice.value;
      if (choice.value == Settings{}.*member_) get().default_text = kept.back().id;
    }
    get().choices = kept.data();
    get().choice_count = static_cast<uint32_t>(kept.size());
    owner_.readers_[get().number] = [member = member_, values](Settings& settings,
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
  patchbay_field& get() { return owner_.fields_[index_]; }
  Field& set(const char* patchbay_field::*target, const char* text) {
    get().*target = owner_.keep(text);
    return *this;
  }
  Field& flag(uint32_t flag) {
    get().flags |= flag;
    return *this;
  }

  Fields& owner_;
  size_t index_;
  T Settings::*member_;
};

}  // namespace patchbay

#endif  // PATCHBAY_SDK_FIELDS_H_
