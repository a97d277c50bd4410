#include "plugins/llava/src/sentencepiece_model.h"

#include <patchbay/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/llava/src/protobuf_fields.h"

namespace llava {
namespace {

// Fields of sentencepiece_model.proto.
enum ModelField { kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3 };
enum PieceField { kPieceText = 1, kPieceScore = 2, kPieceType = 3 };
enum TrainerField { kModelType = 3, kSpaceBehind = 24 };
enum NormalizerField { kRules = 2, kDummyPrefix = 3, kRemovesSpaces = 4, kEscapesSpaces = 5 };

constexpr uint64_t kBytePairs = 2;  // of the model's types

enum PieceType : uint64_t { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

constexpr int64_t kMostPieces = 1 << 20;
// SentencePiece's own limit is 16 characters unless it is told otherwise.
constexpr size_t kLongestPiece = 512;

float FloatOf(uint64_t bits) {
  const auto low = static_cast<uint32_t>(bits);
  float number = 0;
  std::memcpy(&number, &low, sizeof(number));
  return number;
}

struct Piece {
  std::string text;
  float score = 0;
  uint64_t type = kNormal;
};

class Reader {
 public:
  explicit Reader(TokenizerDefinition& made) : made_(made) {}

  void Read(std::string_view model) {
    uint64_t model_type = 0;
    bool has_normalizer = false;
    See(model, [&](const ProtobufField& field) {
      if (field.number == kPieces) AddPiece(field.bytes);
      if (field.number == kTrainerSpec) model_type = ReadTrainer(field.bytes);
      if (field.number == kNormalizerSpec) {
        ReadNormalizer(field.bytes);
        has_normalizer = true;
      }
    });
    if (pieces_.empty()) Refuse("has no pieces");
    if (model_type != kBytePairs || !has_normalizer) {
      Refuse("has no byte-pair encoding, which LLaMA's has");
    }
    made_.size = static_cast<int64_t>(pieces_.size());
    made_.fuses_unknown = true;
    AddMerges();
  }

 private:
  [[noreturn]] void Refuse(const std::string& reason) const {
    throw patchbay::Error(made_.name + " " + reason +
                          "; take the tokenizer.model or the tokenizer.json that comes with a "
                          "LLaVA model whose language model is a LLaMA of the first or second "
                          "generation");
  }

  void See(std::string_view message, const std::function<void(const ProtobufField&)>& see) const {
    if (!SeeProtobufFields(message, see)) Refuse("is damaged or no model of SentencePiece");
  }

  void AddPiece(std::string_view message) {
    Piece piece;
    See(message, [&](const ProtobufField& field) {
      if (field.number == kPieceText) piece.text = std::string(field.bytes);
      if (field.number == kPieceScore) piece.score = FloatOf(field.value);
      if (field.number == kPieceType) piece.type = field.value;
    });
    const auto token = static_cast<int64_t>(pieces_.size());
    if (token == kMostPieces) Refuse("has more than a million pieces");
    const std::string shown = "\"" + piece.text.substr(0, 80) + "\"";
    if (piece.text.empty() || piece.text.size() > kLongestPiece || !std::isfinite(piece.score)) {
      Refuse("has a piece " + shown + " that is empty, too long or without a score");
    }
    if (piece.type != kNormal && piece.type != kUnknown && piece.type != kControl &&
        piece.type != kByte) {
      Refuse("has a piece " + shown + " of a kind that is not known here");
    }
    if (!made_.vocabulary.emplace(piece.text, token).second) {
      Refuse("has the piece " + shown + " twice");
    }
    if (piece.type == kUnknown) made_.unknown = token;
    if (piece.type == kByte) made_.has_bytes = true;
    if (piece.type == kUnknown || piece.type == kControl) made_.special.push_back(piece.text);
    pieces_.push_back(std::move(piece));
  }

  uint64_t ReadTrainer(std::string_view message) const {
    uint64_t type = 0;
    See(message, [&](const ProtobufField& field) {
      if (field.number == kModelType) type = field.value;
      if (field.number == kSpaceBehind && field.value != 0) Refuse("has spaces behind words");
    });
    return type;
  }

  void ReadNormalizer(std::string_view message) {
    bool has_prefix = true;
    bool removes_spaces = true;
    bool escapes_spaces = true;
    See(message, [&](const ProtobufField& field) {
      if (field.number == kRules && !field.bytes.empty()) {
        Refuse("has rules that replace characters");
      }
      if (field.number == kDummyPrefix) has_prefix = field.value != 0;
      if (field.number == kRemovesSpaces) removes_spaces = field.value != 0;
      if (field.number == kEscapesSpaces) escapes_spaces = field.value != 0;
    });
    if (removes_spaces) Refuse("leaves out spaces");
    if (!escapes_spaces) Refuse("has spaces in its pieces");
    made_.normalization.before = has_prefix ? kSpace : "";
    made_.normalization.replace = {{" ", kSpace}};
  }

  // Pieces of the same score are joined from the left, and so have the same rank.
  void AddMerges() {
    std::map<float, int64_t, std::greater<>> ranks;
    for (const Piece& piece : pieces_) {
      if (piece.type == kNormal) ranks[piece.score] = 0;
    }
    int64_t rank = 0;
    for (auto& [score, of_score] : ranks) of_score = rank++;
    for (size_t token = 0; token < pieces_.size(); ++token) {
      const Piece& piece = pieces_[token];
      if (piece.type != kNormal) continue;
      for (size_t length = 1; length < piece.text.size(); ++length) {
        const int64_t first = NormalToken(piece.text.substr(0, length));
        const int64_t second = NormalToken(piece.text.substr(length));
        if (first < 0 || second < 0) continue;
        made_.merges[{first, second}] = {ranks[piece.score], static_cast<int64_t>(token)};
      }
    }
  }

  int64_t NormalToken(const std::string& text) const {
    const auto found = made_.vocabulary.find(text);
    if (found == made_.vocabulary.end()) return -1;
    return pieces_[static_cast<size_t>(found->second)].type == kNormal ? found->second : -1;
  }

  TokenizerDefinition& made_;
  std::vector<Piece> pieces_;
};

}  // namespace

TokenizerDefinition ReadSentencePieceModel(const std::string& bytes, const std::string& name) {
  TokenizerDefinition made;
  made.name = name;
  Reader(made).Read(bytes);
  return made;
}

}  // namespace llava
