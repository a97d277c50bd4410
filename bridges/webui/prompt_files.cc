#include "bridges/webui/prompt_files.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bridges/common/status_macros.h"

namespace patchbay::webui {
namespace {

constexpr uint64_t kMaxWildcardBytes = 64 << 20;
constexpr std::string_view kTag = "<lora:";

std::string FileStem(const std::string& name) { return name.substr(name.rfind('/') + 1); }

absl::Status AddEmbeddings(Context& context, const std::string& prompts,
                           v1::GenerationSettings& settings) {
  for (const NamedPath& file : context.embeddings.List()) {
    const std::string name = FileStem(file.name);
    if (!absl::StrContains(prompts, absl::AsciiStrToLower(name))) continue;
    BRIDGE_ASSIGN_OR_RETURN(const std::string id, context.embeddings.Upload(file, context.host));
    v1::NamedFile& added = *settings.add_embeddings();
    added.set_name(name);
    added.set_artifact_id(id);
  }
  return absl::OkStatus();
}

absl::Status AddWildcards(Context& context, std::string text, v1::GenerationSettings& settings) {
  if (!absl::StrContains(text, "__")) return absl::OkStatus();
  const std::vector<NamedPath> files = context.wildcards.List();
  std::set<std::string> added;
  for (bool found = true; found;) {
    found = false;
    for (const NamedPath& file : files) {
      if (added.count(file.name) > 0 ||
          !absl::StrContains(text, absl::StrCat("__", file.name, "__"))) {
        continue;
      }
      BRIDGE_ASSIGN_OR_RETURN(const std::string lines, ReadWholeFile(file.path, kMaxWildcardBytes));
      BRIDGE_ASSIGN_OR_RETURN(const std::string id, context.wildcards.Upload(file, context.host));
      v1::NamedFile& wildcard = *settings.add_wildcards();
      wildcard.set_name(file.name);
      wildcard.set_artifact_id(id);
      absl::StrAppend(&text, "\n", lines);
      added.insert(file.name);
      found = true;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddPromptFiles(Context& context, v1::GenerationSettings& settings) {
  const std::string prompts = absl::StrCat(settings.prompt(), "\n", settings.negative_prompt());
  BRIDGE_RETURN_IF_ERROR(AddEmbeddings(context, absl::AsciiStrToLower(prompts), settings));
  return AddWildcards(context, prompts, settings);
}

std::string WithoutUnknownLoras(const std::string& prompt, const FileFolder& loras,
                                std::vector<std::string>& comments) {
  if (loras.folder().empty() || !absl::StrContains(prompt, std::string(kTag))) return prompt;
  const std::vector<NamedPath> files = loras.List();
  std::string result;
  size_t place = 0;
  while (place < prompt.size()) {
    const size_t tag = prompt.find(kTag, place);
    const size_t end = tag == prompt.npos ? tag : prompt.find('>', tag);
    if (end == prompt.npos) break;
    const size_t begin = tag + kTag.size();
    const std::string name = prompt.substr(begin, prompt.find_first_of(":>", begin) - begin);
    const bool known = std::any_of(files.begin(), files.end(), [&name](const NamedPath& file) {
      return absl::EqualsIgnoreCase(FileStem(file.name), name);
    });
    result += prompt.substr(place, known ? end + 1 - place : tag - place);
    if (!known) comments.push_back(absl::StrCat("Networks not found: ", name));
    place = end + 1;
  }
  return result + prompt.substr(std::min(place, prompt.size()));
}

}  // namespace patchbay::webui
