#include "host/runtime/prompt/text_cleaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace patchbay {
namespace {

std::string Transformers(std::string_view text) {
  return CleanText(text, TextCleaning::kTransformers);
}
std::string OpenClip(std::string_view text) { return CleanText(text, TextCleaning::kOpenClip); }

// The normaliser of transformers' CLIPTokenizer: NFC, "\s+" to " ", lower case.
TEST(TextCleaningTest, CleansAsTransformers) {
  EXPECT_EQ(Transformers("A  Red\n\tCAT"), "a red cat");
  EXPECT_EQ(Transformers(" a "), " a ");
  EXPECT_EQ(Transformers("Cafe\u0301"), "café");
  EXPECT_EQ(Transformers("\u0130"), "i\u0307");
  EXPECT_EQ(Transformers("&amp; “a” ＡＢ"), "&amp; “a” ａｂ");
}

// open_clip's basic_clean(), html.unescape() twice after ftfy, then whitespace_clean().
TEST(TextCleaningTest, CleansAsOpenClip) {
  EXPECT_EQ(OpenClip("  A  Red\n\tCAT "), "a red cat");
  EXPECT_EQ(OpenClip("a &lt;b&gt; &amp;amp; &#99;&#x41;"), "a <b> & ca");
  EXPECT_EQ(OpenClip("&amp;amp;amp;"), "&amp;");
  EXPECT_EQ(OpenClip("“it’s” ﬁne ＡＢ！"), "\"it's\" fine ab!");
}

TEST(TextCleaningTest, LeavesWhatIsNoEntity) {
  for (const char* const text : {"&", "&;", "&nothing;", "&#;", "&#x;", "a & b; c", "&amp"}) {
    EXPECT_EQ(OpenClip(text), text);
  }
  EXPECT_EQ(OpenClip("&#0;&#xD800;&#1114112;"), "\uFFFD\uFFFD\uFFFD");
}

}  // namespace
}  // namespace patchbay
