#include "bridges/webui/prompt_styles.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace patchbay::webui {
namespace {

// The next record's fields; moves `place` behind it.
std::vector<std::string> NextRecord(std::string_view csv, size_t& place) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (; place < csv.size(); ++place) {
    const char c = csv[place];
    if (quoted) {
      const bool doubled = c == '"' && place + 1 < csv.size() && csv[place + 1] == '"';
      if (c == '"' && !doubled) {
        quoted = false;
        continue;
      }
      place += doubled;
      fields.back() += c;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n') {
      ++place;
      break;
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

}  // namespace

std::vector<PromptStyle> ParseStyles(std::string_view csv) {
  if (csv.starts_with("\xef\xbb\xbf")) csv.remove_prefix(3);
  std::vector<PromptStyle> styles;
  size_t place = 0;
  NextRecord(csv, place);
  while (place < csv.size()) {
    std::vector<std::string> fields = NextRecord(csv, place);
    fields.resize(3);
    if (!fields[0].empty()) {
      styles.push_back({std::move(fields[0]), std::move(fields[1]), std::move(fields[2])});
    }
  }
  return styles;
}

std::string WithStyle(const std::string& prompt, const std::string& style) {
  if (style.find("{prompt}") != style.npos)
    return absl::StrReplaceAll(style, {{"{prompt}", prompt}});
  if (style.empty() || prompt.empty()) return prompt.empty() ? style : prompt;
  return absl::StrCat(prompt, ", ", style);
}

}  // namespace patchbay::webui
