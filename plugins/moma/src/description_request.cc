#include "plugins/moma/src/description_request.h"

namespace moma {
namespace {

// The language model has its own, tighter limit in tokens; this one bounds what is looked at.
constexpr size_t kLongestText = 4096;
constexpr size_t kLongestName = 200;

void CheckText(const char* field, const std::string& text) {
  if (text.size() <= kLongestText) return;
  throw patchbay::Error(std::string(field) + ": has " + std::to_string(text.size()) +
                        " bytes; up to " + std::to_string(kLongestText) + " are possible");
}

}  // namespace

void DescribeFields(patchbay::ActionFields<DescriptionRequest>& d) {
  d.title("Describe the subject")
      .help(
          "Shows the picture and the prompt to a LLaVA and keeps its last hidden state, for the "
          "parameter tokens.");
  d.field<1>(&DescriptionRequest::image, "image")
      .label("Picture")
      .help("What the subject is taken from. Of any size and kind.");
  d.field<2>(&DescriptionRequest::mask, "mask")
      .label("Mask")
      .help(
          "Where on the picture the subject is: where this is white. Without: where the picture "
          "is opaque, or what stands out from its border.");
  d.field<3>(&DescriptionRequest::subject, "subject")
      .label("Subject")
      .help("The thing's noun: \"dog\".");
  d.field<4>(&DescriptionRequest::prompt, "prompt")
      .label("Prompt")
      .multiline()
      .help("The new picture, as it will be drawn with, without \"photo of a dog.\" before it.");
  d.field<5>(&DescriptionRequest::llava, "llava")
      .label("Language model")
      .help(
          "The config.json of a LLaVA 1.5. Its weights (*.safetensors) and its tokenizer.json "
          "or tokenizer.model are taken from the same folder.");
  d.field<6>(&DescriptionRequest::name, "name")
      .label("Name")
      .help("What the result is called, a plain file name.");
}

void CheckRequest(const DescriptionRequest& request) {
  if (!request.image.rgba.defined()) {
    throw patchbay::Error("image: there is no picture of the subject; give one");
  }
  if (request.subject.empty()) {
    throw patchbay::Error("subject: is missing; name the thing on the picture, as in \"dog\"");
  }
  if (request.llava.path.empty()) {
    throw patchbay::Error(
        "llava: there is no language model; name the config.json in a LLaVA's folder");
  }
  CheckText("subject", request.subject);
  CheckText("prompt", request.prompt);
  if (request.name.empty() || request.name.size() > kLongestName || request.name.front() == '.' ||
      request.name.find('/') != std::string::npos) {
    throw patchbay::Error("name: \"" + request.name.substr(0, 80) +
                          "\" is no plain file name; take one as in \"dog.safetensors\"");
  }
}

llava::PictureText QuestionOf(const DescriptionRequest& request) {
  return {.before = "USER: ",
          .after = "\n A photo of a " + request.subject + ". Describe a new image of the same " +
                   request.subject + " in: " + request.prompt + ". ASSISTANT: *"};
}

}  // namespace moma
