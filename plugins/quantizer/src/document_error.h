#ifndef PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_ERROR_H_
#define PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_ERROR_H_

#include <stdexcept>

namespace quantizer {

// What is wrong with a document, and where: "line 7, column 3" or "/layers/conv_in/weights".
class DocumentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace quantizer

#endif  // PATCHBAY_PLUGINS_QUANTIZER_SRC_DOCUMENT_ERROR_H_
