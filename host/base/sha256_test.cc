#include "host/base/sha256.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace patchbay {
namespace {

// The examples of FIPS 180-4's companion document (SHA256.pdf): one block, and two.
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kTwoBlocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
constexpr char kOfTwoBlocks[] = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";

TEST(Sha256Test, GivesTheStandardsExamples) {
  EXPECT_EQ(Sha256Of("abc"), kOfAbc);
  EXPECT_EQ(Sha256Of(kTwoBlocks), kOfTwoBlocks);
}

TEST(Sha256Test, TakesBytesInParts) {
  Sha256 digest;
  for (const char c : std::string(kTwoBlocks)) digest.Update(std::string(1, c));
  EXPECT_EQ(digest.Finish(), kOfTwoBlocks);
}

TEST(Sha256Test, ReadsFiles) {
  const std::string path = testing::TempDir() + "/sha256_test";
  std::ofstream(path) << "abc";
  EXPECT_EQ(Sha256OfFile(path).value(), kOfAbc);
  EXPECT_FALSE(Sha256OfFile(path + ".missing").ok());
}

TEST(Sha256Test, TellsDigestsFromOtherTexts) {
  EXPECT_TRUE(IsSha256(kOfAbc));
  EXPECT_FALSE(IsSha256(std::string(kOfAbc).substr(1)));
  EXPECT_FALSE(IsSha256(std::string(63, 'a') + "A"));
  EXPECT_TRUE(IsHexadecimal("0189af"));
  EXPECT_FALSE(IsHexadecimal("0x"));
}

}  // namespace
}  // namespace patchbay
