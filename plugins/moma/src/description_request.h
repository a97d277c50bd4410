#ifndef PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_REQUEST_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_REQUEST_H_

#include <patchbay/aten.h>

#include <string>

#include "plugins/llava/src/llava.h"

namespace moma {

// Of the action that asks the language model.
struct DescriptionRequest {
  patchbay::Picture image;
  patchbay::Picture mask;
  std::string subject;
  std::string prompt;
  patchbay::File llava;
  std::string name = "tokens.safetensors";
};

void DescribeFields(patchbay::ActionFields<DescriptionRequest>& d);

// Throws patchbay::Error for what is missing, for texts that are too long, and for a name that is
// none.
void CheckRequest(const DescriptionRequest& settings);

// What the language model is asked, in the authors' words; its answer is at the last token.
llava::PictureText QuestionOf(const DescriptionRequest& settings);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_REQUEST_H_
