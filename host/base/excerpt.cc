#include "host/base/excerpt.h"

#include "absl/strings/str_cat.h"

namespace patchbay {

std::string Excerpt(std::string_view text) {
  constexpr size_t kShown = 160;
  constexpr size_t kWholeUpTo = kShown + 40;  // what the remark itself would take
  if (text.size() <= kWholeUpTo) return std::string(text);
  size_t end = kShown;
  const auto continues = [text](size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
  };
  for (int i = 0; i < 3 && continues(end); ++i) --end;
  return absl::StrCat(std::string(text.substr(0, end)), " ... (", text.size(), " bytes)");
}

}  // namespace patchbay
