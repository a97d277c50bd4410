#include "plugins/llava/src/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "plugins/testing/refusal.h"

// Agreement with SentencePiece is tested in tests/parity/plugins/test_llava.py.
namespace llava {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(0x80 | (value & 0x7f));
  return bytes + static_cast<char>(value);
}

std::string Number(uint64_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }

std::string Text(uint64_t field, const std::string& bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
}

std::string Float(uint64_t field, float value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return Varint(field << 3 | 5) + bytes;
}

std::string Piece(const std::string& text, float score, uint64_t type = 1) {
  return Text(1, Text(1, text) + Float(2, score) + Number(3, type));
}

const std::string kTrainer = Text(2, Number(3, 2));  // byte-pair encoding
const std::string kNormalizer = Text(3, Number(3, 1) + Number(4, 0));

// Tokens 0 to 2 are special, 3 and 4 the bytes of "é".
std::string Pieces() {
  return Piece("<unk>", 0, 2) + Piece("<s>", 0, 3) + Piece("</s>", 0, 3) + Piece("<0xC3>", 0, 6) +
         Piece("<0xA9>", 0, 6) + Piece("bc", -1) + Piece("ab", -2) +
         Piece(std::string(kSpace) + "ab", -3) + Piece("abc", -4) + Piece(kSpace, -5) +
         Piece("a", -6) + Piece("b", -7) + Piece("c", -8) + Piece("ca", -9);
}

Tokenizer Read(const std::string& bytes) {
  return Tokenizer(ReadSentencePieceModel(bytes, "tokenizer.model"));
}

std::string Refusal(const std::string& bytes) {
  return patchbay::Refusal([&] { Read(bytes); });
}

TEST(SentencePieceModelTest, JoinsByScoreAndNotFromTheLeft) {
  const Tokenizer tokenizer = Read(Pieces() + kTrainer + kNormalizer);
  EXPECT_THAT(tokenizer.Encode("ab"), ElementsAre(7));
  // "bc" comes before "ab", and before "ca".
  EXPECT_THAT(tokenizer.Encode("abc"), ElementsAre(9, 8));
  EXPECT_THAT(tokenizer.Encode("bca"), ElementsAre(9, 5, 10));
  EXPECT_THAT(tokenizer.Encode("a  ab"), ElementsAre(9, 10, 9, 7));
  EXPECT_EQ(tokenizer.size(), 14);
  EXPECT_THAT(tokenizer.special(), ElementsAre("<unk>", "<s>", "</s>"));
}

TEST(SentencePieceModelTest, UnknownCharactersAreBytesOrOneUnknownToken) {
  const Tokenizer tokenizer = Read(Pieces() + kTrainer + kNormalizer);
  EXPECT_THAT(tokenizer.Encode("a\xc3\xa9"), ElementsAre(9, 10, 3, 4));
  EXPECT_THAT(tokenizer.Encode("xya"), ElementsAre(9, 0, 10));
}

TEST(SentencePieceModelTest, MayPutNothingBeforeTheText) {
  const Tokenizer tokenizer = Read(Pieces() + kTrainer + Text(3, Number(3, 0) + Number(4, 0)));
  EXPECT_THAT(tokenizer.Encode("ab"), ElementsAre(6));
}

TEST(SentencePieceModelTest, RefusesOtherKinds) {
  EXPECT_THAT(Refusal("{}"), HasSubstr("tokenizer.model is damaged"));
  EXPECT_THAT(Refusal(kTrainer + kNormalizer), HasSubstr("no pieces"));
  EXPECT_THAT(Refusal(Pieces() + kNormalizer), HasSubstr("no byte-pair encoding"));
  EXPECT_THAT(Refusal(Pieces() + kTrainer), HasSubstr("no byte-pair encoding"));
  EXPECT_THAT(Refusal(Pieces() + Text(2, Number(3, 1)) + kNormalizer),
              HasSubstr("no byte-pair encoding"));
  EXPECT_THAT(Refusal(Pieces() + Text(2, Number(3, 2) + Number(24, 1)) + kNormalizer),
              HasSubstr("spaces behind words"));
  // SentencePiece leaves out spaces where the file says nothing of it.
  EXPECT_THAT(Refusal(Pieces() + kTrainer + Text(3, "")), HasSubstr("leaves out spaces"));
  EXPECT_THAT(Refusal(Pieces() + kTrainer + Text(3, Number(4, 0) + Number(5, 0))),
              HasSubstr("spaces in its pieces"));
  EXPECT_THAT(Refusal(Pieces() + kTrainer + Text(3, Number(4, 0) + Text(2, "nmt"))),
              HasSubstr("rules that replace"));
  EXPECT_THAT(Refusal(Pieces() + Piece("a", 0)), HasSubstr("\"a\" twice"));
  EXPECT_THAT(Refusal(Pieces() + Piece("dog", 0, 4)), HasSubstr("\"dog\" of a kind"));
  EXPECT_THAT(Refusal(Pieces() + Piece(std::string(600, 'a'), 0)), HasSubstr("too long"));
  EXPECT_THAT(Refusal(Text(1, Text(1, "a") + "\x15")), HasSubstr("damaged"));
}

}  // namespace
}  // namespace llava
