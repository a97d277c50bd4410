#include "plugins/llava/src/tokenizer.h"

#include <patchbay/error.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace llava {
namespace {

using nlohmann::json;

constexpr char kSpace[] = "\xe2\x96\x81";  // U+2581
constexpr int64_t kLargestToken = 1 << 24;

// "<0x0A>", the token of a byte.
std::string ByteToken(char byte) {
  char text[8];
  std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(static_cast<uint8_t>(byte)));
  return text;
}

// Bytes of the character that begins here; 1 where there is none.
size_t CharacterLength(const std::string& text, size_t begin) {
  const auto lead = static_cast<uint8_t>(text[begin]);
  const size_t length = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 1;
  for (size_t i = 1; i < length; ++i) {
    if (begin + i >= text.size() || (static_cast<uint8_t>(text[begin + i]) >> 6) != 2) return 1;
  }
  return length;
}

std::string Replaced(const std::string& text, const std::string& from, const std::string& to) {
  std::string result;
  size_t begin = 0;
  for (size_t found = text.find(from); found != std::string::npos; found = text.find(from, begin)) {
    result += text.substr(begin, found - begin) + to;
    begin = found + from.size();
  }
  return result + text.substr(begin);
}

}  // namespace

// Fills a Tokenizer from its file.
class TokenizerReader {
 public:
  TokenizerReader(const json& file, Tokenizer& made) : file_(file), made_(made) {}

  void Read() {
    if (!file_.is_object()) Refuse("is no JSON object");
    const json& model = Member(file_, "model");
    if (TypeOf(model) != "BPE") {
      Refuse("has a model of the type \"" + TypeOf(model) + "\"; LLaMA's is \"BPE\"");
    }
    ReadVocabulary(Member(model, "vocab"));
    ReadMerges(Member(model, "merges"));
    ReadOptions(model);
    for (const json& step : Steps(Member(file_, "normalizer"), "normalizers")) AddNormalizer(step);
    for (const json& step : Steps(Member(file_, "pre_tokenizer"), "pretokenizers")) {
      AddPreTokenizer(step);
    }
    ReadSpecial(Member(file_, "added_tokens"));
  }

 private:
  [[noreturn]] void Refuse(const std::string& reason) const {
    throw patchbay::Error(made_.name_ + " " + reason +
                          "; take the tokenizer.json that comes with a LLaVA model whose language "
                          "model is a LLaMA of the first or second generation");
  }

  static const json& Member(const json& object, const char* key) {
    static const json none;
    if (!object.is_object()) return none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
  }

  static std::string TextOf(const json& value) {
    return value.is_string() ? value.get<std::string>() : "";
  }
  static std::string TypeOf(const json& step) { return TextOf(Member(step, "type")).substr(0, 80); }
  static bool IsOn(const json& value) { return value.is_boolean() && value.get<bool>(); }

  int64_t Token(const json& value) const {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 ||
        value.get<int64_t>() >= kLargestToken) {
      Refuse("has a token whose number is none");
    }
    return value.get<int64_t>();
  }

  void ReadVocabulary(const json& vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty()) Refuse("has no vocabulary");
    for (const auto& [text, token] : vocabulary.items()) {
      made_.vocabulary_[text] = Token(token);
      made_.size_ = std::max(made_.size_, Token(token) + 1);
    }
  }

  int64_t Known(const std::string& text) const {
    const auto found = made_.vocabulary_.find(text);
    if (found == made_.vocabulary_.end()) {
      Refuse("has a merge with \"" + text.substr(0, 80) + "\", which is not in its vocabulary");
    }
    return found->second;
  }

  // "a b", or ["a", "b"].
  std::pair<std::string, std::string> PairOf(const json& merge) const {
    if (merge.is_array() && merge.size() == 2) return {TextOf(merge[0]), TextOf(merge[1])};
    const std::string text = TextOf(merge);
    const size_t space = text.find(' ');
    if (space == std::string::npos) Refuse("has a merge that is no pair");
    return {text.substr(0, space), text.substr(space + 1)};
  }

  void ReadMerges(const json& merges) {
    if (!merges.is_array()) Refuse("has no merges");
    int64_t rank = 0;
    for (const json& merge : merges) {
      const auto [first, second] = PairOf(merge);
      made_.merges_[{Known(first), Known(second)}] = {rank++, Known(first + second)};
    }
  }

  void ReadOptions(const json& model) {
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!TextOf(Member(model, key)).empty()) Refuse(std::string("has a ") + key);
    }
    if (IsOn(Member(model, "ignore_merges"))) Refuse("has ignore_merges");
    made_.has_bytes_ = IsOn(Member(model, "byte_fallback"));
    made_.fuses_unknown_ = IsOn(Member(model, "fuse_unk"));
    const auto unknown = made_.vocabulary_.find(TextOf(Member(model, "unk_token")));
    if (unknown != made_.vocabulary_.end()) made_.unknown_ = unknown->second;
  }

  // Nothing, one step, or a sequence of them.
  static std::vector<json> Steps(const json& given, const char* list) {
    if (given.is_null()) return {};
    if (TypeOf(given) != "Sequence") return {given};
    const json& steps = Member(given, list);
    return {steps.begin(), steps.end()};
  }

  void AddNormalizer(const json& step) {
    const std::string type = TypeOf(step);
    Tokenizer::Normalization& all = made_.normalization_;
    if (type == "Prepend" && all.before.empty() && all.replace.empty()) {
      all.before = TextOf(Member(step, "prepend"));
      return;
    }
    const std::string from = TextOf(Member(Member(step, "pattern"), "String"));
    if (type != "Replace" || from.empty()) {
      Refuse("has a normalizer \"" + type + "\" that is not known here");
    }
    all.replace.push_back({from, TextOf(Member(step, "content"))});
  }

  void AddPreTokenizer(const json& step) {
    const std::string type = TypeOf(step);
    Tokenizer::Normalization& all = made_.normalization_;
    if (type != "Metaspace" || TextOf(Member(step, "replacement")) != kSpace ||
        !all.before.empty()) {
      Refuse("has a pre-tokenizer \"" + type + "\" that is not known here");
    }
    all.replace.push_back({" ", kSpace});
    const json& scheme = Member(step, "prepend_scheme");
    const json& older = Member(step, "add_prefix_space");
    const bool prepends = scheme.is_string() ? scheme != "never" : older.is_null() || IsOn(older);
    all.before = prepends ? kSpace : "";
    all.only_if_missing = true;
    const json& split = Member(step, "split");
    all.splits_words = split.is_null() || IsOn(split);
  }

  void ReadSpecial(const json& added) {
    if (!added.is_array()) return;
    for (const json& token : added) {
      made_.special_.push_back(TextOf(Member(token, "content")));
      if (made_.special_.back().empty()) Refuse("has an added token without a text");
      made_.size_ = std::max(made_.size_, Token(Member(token, "id")) + 1);
    }
  }

  const json& file_;
  Tokenizer& made_;
};

Tokenizer Tokenizer::Read(const std::string& json_text, const std::string& name) {
  Tokenizer made;
  made.name_ = name;
  const json file = json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  TokenizerReader(file, made).Read();
  return made;
}

std::string Tokenizer::Normalized(std::string text) const {
  if (!normalization_.only_if_missing) text = normalization_.before + text;
  for (const Replacement& step : normalization_.replace) text = Replaced(text, step.from, step.to);
  const std::string& before = normalization_.before;
  return normalization_.only_if_missing && text.rfind(before, 0) != 0 ? before + text : text;
}

std::vector<int64_t> Tokenizer::Encode(const std::string& text) const {
  if (text.empty()) return {};
  const std::string whole = Normalized(text);
  std::vector<int64_t> tokens;
  for (size_t begin = 0; begin < whole.size();) {
    size_t end = whole.size();
    if (normalization_.splits_words) end = std::min(end, whole.find(kSpace, begin + 1));
    const std::vector<int64_t> word = EncodeWord(whole.substr(begin, end - begin));
    tokens.insert(tokens.end(), word.begin(), word.end());
    begin = end;
  }
  return tokens;
}

std::vector<int64_t> Tokenizer::EncodeWord(const std::string& word) const {
  std::vector<int64_t> tokens;
  bool was_unknown = false;
  for (size_t begin = 0, length = 0; begin < word.size(); begin += length) {
    length = CharacterLength(word, begin);
    const std::string character = word.substr(begin, length);
    const auto found = vocabulary_.find(character);
    const size_t before = tokens.size();
    if (found != vocabulary_.end()) {
      tokens.push_back(found->second);
    } else {
      AppendUnknown(character, tokens);
    }
    const bool is_unknown =
        found == vocabulary_.end() && tokens.size() == before + 1 && tokens.back() == unknown_;
    if (is_unknown && was_unknown && fuses_unknown_) tokens.pop_back();
    was_unknown = is_unknown;
  }
  return Merged(tokens, merges_);
}

void Tokenizer::AppendUnknown(const std::string& character, std::vector<int64_t>& tokens) const {
  std::vector<int64_t> bytes;
  for (const char byte : character) {
    const auto found = has_bytes_ ? vocabulary_.find(ByteToken(byte)) : vocabulary_.end();
    if (found != vocabulary_.end()) bytes.push_back(found->second);
  }
  if (bytes.size() == character.size()) {
    tokens.insert(tokens.end(), bytes.begin(), bytes.end());
    return;
  }
  if (unknown_ < 0) {
    throw patchbay::Error(name_ + " has no token for \"" + character +
                          "\", and none for unknown characters");
  }
  tokens.push_back(unknown_);
}

}  // namespace llava
