#include "plugins/llava/src/tokenizer_json.h"

#include <patchbay/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace llava {
namespace {

using nlohmann::json;

class Reader {
 public:
  Reader(const json& file, TokenizerDefinition& made) : file_(file), made_(made) {}

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
    throw patchbay::Error(made_.name + " " + reason +
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
      made_.vocabulary[text] = Token(token);
      made_.size = std::max(made_.size, Token(token) + 1);
    }
  }

  int64_t Known(const std::string& text) const {
    const auto found = made_.vocabulary.find(text);
    if (found == made_.vocabulary.end()) {
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
      made_.merges[{Known(first), Known(second)}] = {rank++, Known(first + second)};
    }
  }

  void ReadOptions(const json& model) {
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!TextOf(Member(model, key)).empty()) Refuse(std::string("has a ") + key);
    }
    if (IsOn(Member(model, "ignore_merges"))) Refuse("has ignore_merges");
    made_.has_bytes = IsOn(Member(model, "byte_fallback"));
    made_.fuses_unknown = IsOn(Member(model, "fuse_unk"));
    const auto unknown = made_.vocabulary.find(TextOf(Member(model, "unk_token")));
    if (unknown != made_.vocabulary.end()) made_.unknown = unknown->second;
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
    TokenizerDefinition::Normalization& all = made_.normalization;
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
    TokenizerDefinition::Normalization& all = made_.normalization;
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
      made_.special.push_back(TextOf(Member(token, "content")));
      if (made_.special.back().empty()) Refuse("has an added token without a text");
      made_.size = std::max(made_.size, Token(Member(token, "id")) + 1);
    }
  }

  const json& file_;
  TokenizerDefinition& made_;
};

}  // namespace

TokenizerDefinition ReadTokenizerJson(const std::string& text, const std::string& name) {
  TokenizerDefinition made;
  made.name = name;
  const json file = json::parse(text, nullptr, /*allow_exceptions=*/false);
  Reader(file, made).Read();
  return made;
}

}  // namespace llava
