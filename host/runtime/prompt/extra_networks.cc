#include "host/runtime/prompt/extra_networks.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/str_cat.h"
#include "host/base/excerpt.h"
#include "host/runtime/prompt/python_text.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

// What a tag says between its brackets; views into the prompt.
struct RawTag {
  std::string_view type;
  std::vector<std::string_view> arguments;
  size_t length = 0;  // with the brackets
};

size_t WordLength(std::string_view text) {
  size_t length = 0;
  for (size_t next = 0; next < text.size(); length = next) {
    if (!IsPythonWord(NextCodePoint(text, next))) break;
  }
  return length;
}

// The tag that `text` starts with, by A1111's pattern <(\w+):([^>]+)>.
std::optional<RawTag> MatchTag(std::string_view text) {
  RawTag tag;
  tag.type = text.substr(1, WordLength(text.substr(1)));
  const size_t colon = 1 + tag.type.size();
  if (tag.type.empty() || colon >= text.size() || text[colon] != ':') return std::nullopt;
  const size_t close = text.find('>', colon);
  if (close == std::string_view::npos || close == colon + 1) return std::nullopt;
  for (size_t start = colon + 1; start <= close;) {
    const size_t end = std::min(text.find(':', start), close);
    tag.arguments.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  tag.length = close + 1;
  return tag;
}

class TagReader {
 public:
  // Nothing when the arguments are wrong; `problem` then says why. `notes` are about what has no
  // effect.
  std::optional<ExtraNetworkTag> Read(const RawTag& raw) {
    ExtraNetworkTag tag;
    tag.type = std::string(raw.type);
    std::vector<std::string_view> positional;
    std::optional<std::string_view> named_te;
    std::optional<std::string_view> named_unet;
    for (const std::string_view argument : raw.arguments) {
      const size_t equals = argument.find('=');
      if (equals == std::string_view::npos || argument.find('=', equals + 1) != argument.npos) {
        positional.push_back(argument);
        continue;
      }
      const std::string_view key = argument.substr(0, equals);
      if (key == "te") {
        named_te = argument.substr(equals + 1);
      } else if (key == "unet") {
        named_unet = argument.substr(equals + 1);
      } else {
        notes.push_back(std::string(argument));
      }
    }
    if (positional.empty() || positional[0].empty()) {
      problem = "it has no name";
      return std::nullopt;
    }
    tag.name = std::string(positional[0]);
    for (size_t i = 3; i < positional.size(); ++i) notes.push_back(std::string(positional[i]));
    if (positional.size() > 1 && !ReadWeight(positional[1], tag.text_weight)) return std::nullopt;
    if (named_te.has_value() && !ReadWeight(*named_te, tag.text_weight)) return std::nullopt;
    tag.unet_weight = tag.text_weight;
    if (positional.size() > 2 && !ReadWeight(positional[2], tag.unet_weight)) return std::nullopt;
    if (named_unet.has_value() && !ReadWeight(*named_unet, tag.unet_weight)) return std::nullopt;
    return tag;
  }

  std::string problem;
  std::vector<std::string> notes;

 private:
  bool ReadWeight(std::string_view text, double& weight) {
    const std::optional<double> value = ParsePythonFloat(text);
    if (!value.has_value()) problem = absl::StrCat("\"", Excerpt(text), "\" is no number");
    weight = value.value_or(1);
    return value.has_value();
  }
};

}  // namespace

PromptWithoutTags TakeExtraNetworks(std::string_view prompt) {
  PromptWithoutTags result;
  const std::string text = ReplaceMalformedUtf8(prompt);
  const std::string_view view = text;
  // After the last ">" there is no tag; not looking for one there keeps the time linear.
  const size_t last_close = view.rfind('>');
  size_t copied = 0;
  for (size_t open = view.find('<'); last_close != view.npos && open < last_close;) {
    const std::optional<RawTag> raw = MatchTag(view.substr(open));
    if (!raw.has_value()) {
      open = view.find('<', open + 1);
      continue;
    }
    TagReader reader;
    const std::optional<ExtraNetworkTag> tag = reader.Read(*raw);
    const std::string spelled(view.substr(open, raw->length));
    if (tag.has_value()) {
      result.text.append(view.substr(copied, open - copied));
      copied = open + raw->length;
      result.tags.push_back(*tag);
      for (const std::string& note : reader.notes) {
        result.warnings.push_back(absl::StrCat("\"", Excerpt(note), "\" in ", Excerpt(spelled),
                                               " has no effect; te= and unet= are known"));
      }
    } else {
      result.warnings.push_back(absl::StrCat(Excerpt(spelled), " was left in the prompt: ",
                                             reader.problem, "; write <type:name:weight>"));
    }
    open = view.find('<', open + raw->length);
  }
  result.text.append(view.substr(copied));
  return result;
}

}  // namespace patchbay
