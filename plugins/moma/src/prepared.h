#ifndef PATCHBAY_PLUGINS_MOMA_SRC_PREPARED_H_
#define PATCHBAY_PLUGINS_MOMA_SRC_PREPARED_H_

#include <patchbay/aten.h>

#include <cstdint>
#include <string>
#include <vector>

#include "plugins/moma/src/adapter.h"
#include "plugins/moma/src/reference_keys.h"
#include "plugins/moma/src/settings.h"

namespace moma {

// A model's transformer blocks in the order in which the network runs.
struct Blocks {
  // Throws patchbay::Error for a network whose attentions do not come in pairs.
  explicit Blocks(const patchbay::Denoiser& denoiser);
  // In the order of adapters' files.
  std::vector<TransformerBlock> InFileOrder() const;

  patchbay::SiteList<patchbay::Attention> self;
  patchbay::SiteList<patchbay::Attention> cross;
  std::vector<size_t> order;  // of files, as indices of the two others
};

// What files and pictures come to, whatever the other settings are.
struct Prepared {
  // By block, in the order in which the network runs.
  std::vector<SelfWeights> self;
  // For unconditional rows and the others, [2, n, C]; empty: no content branch.
  std::vector<image_prompt::KeysAndValues> content;
  at::Tensor reference;       // [1, 3, S, S] in -1..1
  at::Tensor reference_mask;  // [S, S] of bool
  bool is_everywhere = false;
  bool was_found = false;  // nobody said where the subject is
  // What the tokens' file says that it was made for; empty where it does not.
  std::string tokens_subject;
  std::string tokens_prompt;
  // What it was made of.
  at::Tensor image;
  at::Tensor mask;
};

// Opens and checks the files, and prepares all of it. `tokens` may be null. reference_size: pixels
// of the model's own pictures. Throws patchbay::Error.
Prepared Prepare(const Settings& settings, const patchbay::TensorFile& adapter,
                 const patchbay::TensorFile* tokens, int64_t text_features, const Blocks& blocks,
                 int64_t reference_size);

// Tells a set of files, pictures and what else Prepare() looks at from others; two may have the
// same key.
std::string KeyOf(const Settings& settings);

}  // namespace moma

#endif  // PATCHBAY_PLUGINS_MOMA_SRC_PREPARED_H_
