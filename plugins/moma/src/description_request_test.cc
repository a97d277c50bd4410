#include "plugins/moma/src/description_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/testing/refusal.h"

namespace moma {
namespace {

using ::testing::HasSubstr;

DescriptionRequest Whole() {
  DescriptionRequest request;
  request.image.rgba = at::ones({1, 4, 2, 2});
  request.subject = "dog";
  request.prompt = "a dog at the sea";
  request.llava.path = "/models/llava/config.json";
  return request;
}

std::string Refusal(const DescriptionRequest& request) {
  return patchbay::Refusal([&] { CheckRequest(request); });
}

TEST(DescriptionRequestTest, AsksInTheAuthorsWords) {
  const llava::PictureText question = QuestionOf(Whole());
  EXPECT_EQ(question.before, "USER: ");
  EXPECT_EQ(question.after,
            "\n A photo of a dog. Describe a new image of the same dog in: a dog at the sea. "
            "ASSISTANT: *");
}

TEST(DescriptionRequestTest, SaysWhatIsMissing) {
  EXPECT_EQ(Refusal(Whole()), "");
  EXPECT_THAT(Refusal({}), HasSubstr("image: there is no picture"));
  DescriptionRequest request = Whole();
  request.subject = "";
  EXPECT_THAT(Refusal(request), HasSubstr("subject: is missing"));
  request = Whole();
  request.llava.path = "";
  EXPECT_THAT(Refusal(request), HasSubstr("llava: there is no language model"));
  request = Whole();
  request.prompt = std::string(5000, 'a');
  EXPECT_THAT(Refusal(request), HasSubstr("prompt: has 5000 bytes; up to 4096"));
  for (const char* name : {"", "a/b", ".hidden"}) {
    request = Whole();
    request.name = name;
    EXPECT_THAT(Refusal(request), HasSubstr("no plain file name")) << name;
  }
}

}  // namespace
}  // namespace moma
