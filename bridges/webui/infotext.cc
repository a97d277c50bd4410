#include "bridges/webui/infotext.h"

#include <cctype>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace patchbay::webui {
namespace {

constexpr size_t kFewestPairs = 3;
constexpr std::string_view kNegative = "Negative prompt:";

std::string Trimmed(std::string_view text) {
  return std::string(absl::StripAsciiWhitespace(std::string(text)));
}

std::string Quoted(const std::string& value) {
  if (value.find_first_of(",:\n") == value.npos) return value;
  return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string Unquoted(const std::string& value) {
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') return value;
  const Json parsed = Json::parse(value, nullptr, /*allow_exceptions=*/false);
  return parsed.is_string() ? parsed.get<std::string>() : value;
}

bool IsKeyCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == ' ' || c == '-' || c == '/' ||
         c == '_';
}

// Where the value that begins at `place` ends: after a JSON string, else at the next comma.
size_t EndOfValue(std::string_view line, size_t place) {
  if (place < line.size() && line[place] == '"') {
    for (size_t i = place + 1; i < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == '"') {
        return i + 1;
      }
    }
  }
  const size_t comma = line.find(',', place);
  return comma == line.npos ? line.size() : comma;
}

InfotextPairs ReadPairs(std::string_view line) {
  InfotextPairs pairs;
  size_t place = 0;
  while (place < line.size()) {
    const size_t colon = line.find(':', place);
    if (colon == line.npos) break;
    size_t begin = colon;
    while (begin > place && IsKeyCharacter(line[begin - 1])) --begin;
    const std::string key = Trimmed(line.substr(begin, colon - begin));
    size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    const size_t end = EndOfValue(line, value);
    if (!key.empty()) pairs.emplace_back(key, Unquoted(Trimmed(line.substr(value, end - value))));
    place = end == line.size() ? end : end + 1;
  }
  return pairs;
}

void AddSize(const std::string& key, const std::string& value, Json& result) {
  const size_t x = value.find('x');
  if (x == value.npos || value.find_first_not_of("0123456789x") != value.npos) return;
  result[key + "-1"] = value.substr(0, x);
  result[key + "-2"] = value.substr(x + 1);
}

}  // namespace

std::string WriteInfotext(const std::string& prompt, const std::string& negative_prompt,
                          const InfotextPairs& pairs) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : pairs) {
    if (!value.empty()) parts.push_back(absl::StrCat(key, ": ", Quoted(value)));
  }
  const std::string negative =
      negative_prompt.empty() ? "" : absl::StrCat("\nNegative prompt: ", negative_prompt);
  return Trimmed(absl::StrCat(prompt, negative, "\n", absl::StrJoin(parts, ", ")));
}

Json ParseInfotext(std::string_view text) {
  Json result = {{"Prompt", ""}, {"Negative prompt", ""}};
  const std::string whole = Trimmed(text);
  const size_t last = whole.rfind('\n');
  const std::string last_line = last == whole.npos ? whole : whole.substr(last + 1);
  InfotextPairs pairs = ReadPairs(last_line);
  std::string prompts = last == whole.npos ? "" : whole.substr(0, last);
  if (pairs.size() < kFewestPairs) {
    pairs.clear();
    prompts = whole;
  }
  size_t negative = prompts.find(absl::StrCat("\n", std::string(kNegative)));
  size_t skip = 1;
  if (prompts.starts_with(kNegative)) negative = skip = 0;
  result["Prompt"] = Trimmed(std::string_view(prompts).substr(0, negative));
  if (negative != prompts.npos) {
    result["Negative prompt"] =
        Trimmed(std::string_view(prompts).substr(negative + skip + kNegative.size()));
  }
  for (const auto& [key, value] : pairs) {
    result[key] = value;
    if (key == "Size" || key == "Hires resize" || key == "Seed resize from")
      AddSize(key, value, result);
  }
  return result;
}

}  // namespace patchbay::webui
