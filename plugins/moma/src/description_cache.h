#ifndef PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_CACHE_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_CACHE_H_

#include <patchbay/aten.h>

#include <functional>
#include <string>

namespace moma {

// Opens a file of tensors.
using OpenFile = std::function<patchbay::TensorFile(const patchbay::File&)>;

// One answer of the language model, kept in a file of a few kilobytes in the user's cache folder,
// $XDG_CACHE_HOME/patchbay/moma or $HOME/.cache/patchbay/moma. Any process may use it at the same
// time.
class DescriptionCache {
 public:
  // `question` is all that the answer depends on.
  explicit DescriptionCache(std::string question);

  // [width], or undefined where there is none, or none of this width.
  at::Tensor Find(int64_t width, const OpenFile& open) const;
  // Whether it could be kept: there may be no such folder.
  bool Keep(const at::Tensor& answer) const;

 private:
  std::string question_;
  std::string path_;  // empty: no folder
};

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_DESCRIPTION_CACHE_H_
