// Tokenizer::FromFolder and Tokenizer::FromMergeListFile.

#include <zlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "host/base/mapped_file.h"
#include "host/base/status_macros.h"
#include "host/runtime/prompt/tokenizer.h"
#include "host/runtime/prompt/unicode.h"

namespace patchbay {
namespace {

using Json = nlohmann::json;

// The files of all known models are below 4 MB.
constexpr size_t kMaxFileBytes = 64u << 20;
// Bytes within and at the end of words, and the two special tokens.
constexpr int64_t kUnmergedTokens = 256 + 256 + 2;
// Longer sequences than this are how transformers writes "no limit".
constexpr int64_t kMaxSequence = 1 << 20;
constexpr int64_t kClipSequence = 77;

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::shared_ptr<const MappedFile> file, MappedFile::Open(path));
  if (file->bytes().size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has ", file->bytes().size(),
                                                   " bytes; a tokenizer's files are smaller than ",
                                                   kMaxFileBytes));
  }
  return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
}

absl::StatusOr<Json> ReadJsonObject(const std::string& path) {
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a JSON object"));
  }
  return json;
}

// An object, empty when there is no such file.
absl::StatusOr<Json> ReadOptionalJsonObject(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Json::object();
  return ReadJsonObject(path);
}

std::string Text(const Json& object, const char* key, const std::string& fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : fallback;
}

bool Flag(const Json& object, const char* key, bool fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : fallback;
}

absl::StatusOr<BytePairEncoding::Vocabulary> ReadVocabulary(const Json& json) {
  BytePairEncoding::Vocabulary vocabulary;
  for (const auto& [token, id] : json.items()) {
    const bool fits = id.is_number_integer() && id.get<int64_t>() >= 0 &&
                      id.get<int64_t>() < static_cast<int64_t>(json.size());
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("the id of \"", token, "\" is not a number below ", json.size()));
    }
    vocabulary.emplace(token, id.get<int32_t>());
  }
  return vocabulary;
}

absl::StatusOr<BytePairEncoding::Merges> ReadMergeLines(std::string_view text) {
  BytePairEncoding::Merges merges;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line.starts_with("#version"))) continue;
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, " is not two tokens with a space between them"));
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

// The merges of a tokenizer.json: pairs, or in older files strings.
absl::StatusOr<BytePairEncoding::Merges> ReadMerges(const Json& json) {
  BytePairEncoding::Merges merges;
  for (const Json& merge : json) {
    if (merge.is_string()) {
      PATCHBAY_ASSIGN_OR_RETURN(const auto one, ReadMergeLines(merge.get<std::string>()));
      merges.insert(merges.end(), one.begin(), one.end());
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
               merge[1].is_string()) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", merges.size() + 1, " is not a pair of tokens"));
    }
  }
  return merges;
}

struct SpecialToken {
  std::string content;
  bool normalized = false;
};

// A special token is written as a string or as an object with its content.
std::optional<SpecialToken> ReadSpecialToken(const Json& files, const char* role) {
  const auto found = files.find(role);
  if (found == files.end()) return std::nullopt;
  if (found->is_string()) return SpecialToken{found->get<std::string>(), false};
  if (!found->is_object()) return std::nullopt;
  const std::string content = Text(*found, "content", "");
  if (content.empty()) return std::nullopt;
  return SpecialToken{content, Flag(*found, "normalized", false)};
}

class FolderReader {
 public:
  explicit FolderReader(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<Tokenizer::Parts> Read() {
    PATCHBAY_RETURN_IF_ERROR(ReadTables());
    PATCHBAY_ASSIGN_OR_RETURN(const Json config,
                              ReadOptionalJsonObject(Path("tokenizer_config.json")));
    PATCHBAY_ASSIGN_OR_RETURN(const Json map,
                              ReadOptionalJsonObject(Path("special_tokens_map.json")));
    const auto length = config.find("model_max_length");
    if (length != config.end() && length->is_number_integer() && length->get<int64_t>() > 2 &&
        length->get<int64_t>() < kMaxSequence) {
      parts_.max_length = length->get<int64_t>();
    } else {
      parts_.max_length = kClipSequence;
    }
    ReadAddedTokens(config);
    // In transformers' order: where two roles share a string, the last one's flags hold.
    ReadRole(config, map, "bos_token", parts_.start);
    ReadRole(config, map, "eos_token", parts_.end);
    ReadRole(config, map, "unk_token", parts_.unknown);
    ReadRole(config, map, "pad_token", parts_.pad);
    for (const auto& [content, normalized] : added_) {
      const auto id = ids_.find(content);
      const auto known = parts_.vocabulary.find(content);
      if (id == ids_.end() && known == parts_.vocabulary.end()) continue;
      parts_.added.push_back({content, id == ids_.end() ? known->second : id->second, normalized});
    }
    return std::move(parts_);
  }

 private:
  std::string Path(const char* name) const {
    return (std::filesystem::path(folder_) / name).string();
  }
  bool Has(const char* name) const {
    std::error_code error;
    return std::filesystem::exists(Path(name), error);
  }

  absl::Status ReadTables() {
    if (Has("vocab.json") && Has("merges.txt")) {
      PATCHBAY_ASSIGN_OR_RETURN(const Json vocabulary, ReadJsonObject(Path("vocab.json")));
      PATCHBAY_ASSIGN_OR_RETURN(const std::string merges, ReadText(Path("merges.txt")));
      return SetTables(ReadVocabulary(vocabulary), Path("vocab.json"), ReadMergeLines(merges),
                       Path("merges.txt"));
    }
    if (!Has("tokenizer.json")) {
      return absl::NotFoundError(absl::StrCat(
          folder_,
          " holds no tokenizer: vocab.json and merges.txt, or tokenizer.json, are needed"));
    }
    PATCHBAY_ASSIGN_OR_RETURN(const Json json, ReadJsonObject(Path("tokenizer.json")));
    const auto model = json.find("model");
    const bool usable = model != json.end() && model->is_object() && model->contains("vocab") &&
                        (*model)["vocab"].is_object() && model->contains("merges") &&
                        (*model)["merges"].is_array() && Text(*model, "type", "BPE") == "BPE";
    if (!usable) {
      return absl::InvalidArgumentError(
          absl::StrCat(Path("tokenizer.json"),
                       " is not a byte-pair tokenizer (model.type BPE with "
                       "model.vocab and model.merges), as CLIP's is"));
    }
    if (const auto added = json.find("added_tokens"); added != json.end() && added->is_array()) {
      for (const Json& token : *added)
        AddToken(token, token.is_object() ? token.value("id", Json()) : Json());
    }
    return SetTables(ReadVocabulary((*model)["vocab"]), Path("tokenizer.json"),
                     ReadMerges((*model)["merges"]), Path("tokenizer.json"));
  }

  absl::Status SetTables(absl::StatusOr<BytePairEncoding::Vocabulary> vocabulary,
                         const std::string& vocabulary_path,
                         absl::StatusOr<BytePairEncoding::Merges> merges,
                         const std::string& merges_path) {
    if (!vocabulary.ok()) return InFile(vocabulary_path, vocabulary.status());
    if (!merges.ok()) return InFile(merges_path, merges.status());
    parts_.vocabulary = *std::move(vocabulary);
    parts_.merges = *std::move(merges);
    return absl::OkStatus();
  }

  void ReadAddedTokens(const Json& config) {
    const auto added = config.find("added_tokens_decoder");
    if (added == config.end() || !added->is_object()) return;
    for (const auto& [id, token] : added->items()) {
      const Json number = Json::parse(id, nullptr, /*allow_exceptions=*/false);
      AddToken(token, number);
    }
  }

  void AddToken(const Json& token, const Json& id) {
    if (!token.is_object() || !id.is_number_integer()) return;
    const int64_t number = id.get<int64_t>();
    const std::string content = Text(token, "content", "");
    if (content.empty() || number < 0 || number > kMaxSequence) return;
    added_[content] = Flag(token, "normalized", false);
    ids_[content] = static_cast<int32_t>(number);
  }

  void ReadRole(const Json& config, const Json& map, const char* role, std::string& content) {
    std::optional<SpecialToken> token = ReadSpecialToken(map, role);
    if (!token.has_value()) token = ReadSpecialToken(config, role);
    if (!token.has_value()) token = SpecialToken{content, false};
    content = token->content;
    // A string in tokenizer_config.json only names a token that tokenizer.json has described.
    if (ids_.count(content) == 0) added_[content] = token->normalized;
  }

  std::string folder_;
  Tokenizer::Parts parts_;
  std::map<std::string, bool> added_;  // content -> normalized
  std::map<std::string, int32_t> ids_;
};

absl::StatusOr<std::string> Inflate(const std::string& path) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), &gzclose);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, " cannot be opened"));
  std::string text;
  std::string buffer(1u << 16, '\0');
  while (true) {
    const int count = gzread(file.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
    if (count < 0) return absl::InvalidArgumentError(absl::StrCat(path, " is damaged (gzip)"));
    if (count == 0) break;
    text.append(buffer, 0, static_cast<size_t>(count));
    if (text.size() > kMaxFileBytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is too large for a merge list"));
    }
  }
  if (int code = Z_OK; gzerror(file.get(), &code) == nullptr || code == Z_BUF_ERROR) {
    return absl::InvalidArgumentError(absl::StrCat(path, " ends too early (gzip)"));
  }
  return text;
}

}  // namespace

absl::StatusOr<Tokenizer> Tokenizer::FromFolder(const std::string& folder) {
  PATCHBAY_ASSIGN_OR_RETURN(const Parts parts, FolderReader(folder).Read());
  absl::StatusOr<Tokenizer> tokenizer = Create(parts);
  if (!tokenizer.ok()) return InFile(folder, tokenizer.status());
  return tokenizer;
}

absl::StatusOr<Tokenizer> Tokenizer::FromMergeListFile(const std::string& path,
                                                       int64_t vocabulary_size) {
  if (vocabulary_size < kUnmergedTokens || vocabulary_size > kClipVocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("CLIP's vocabulary cannot have ",
                                                   vocabulary_size, " tokens; it has ",
                                                   kUnmergedTokens, " to ", kClipVocabulary));
  }
  PATCHBAY_ASSIGN_OR_RETURN(const std::string text, Inflate(path));
  const size_t first_line = text.find('\n');
  absl::StatusOr<BytePairEncoding::Merges> merges = ReadMergeLines(std::string_view(text).substr(
      first_line == std::string::npos ? text.size() : first_line + 1));
  if (!merges.ok()) return InFile(path, merges.status());
  // The file goes on with merges that CLIP does not use.
  const auto used = static_cast<size_t>(vocabulary_size - kUnmergedTokens);
  if (merges->size() > used) merges->resize(used);

  Parts parts;
  int32_t next = 0;
  const std::array<std::string, 256> symbols = ByteSymbols();
  for (const char* end : {"", "</w>"}) {
    for (const uint8_t byte : ByteOrder()) {
      parts.vocabulary.emplace(absl::StrCat(symbols[byte], end), next++);
    }
  }
  for (const auto& [left, right] : *merges) {
    parts.vocabulary.emplace(absl::StrCat(left, right), next++);
  }
  for (const std::string& special : {parts.start, parts.end}) {
    parts.vocabulary.emplace(special, next);
    parts.added.push_back({special, next++, /*normalized=*/false});
  }
  parts.merges = *std::move(merges);
  absl::StatusOr<Tokenizer> tokenizer = Create(parts);
  if (!tokenizer.ok()) return InFile(path, tokenizer.status());
  return tokenizer;
}

}  // namespace patchbay
