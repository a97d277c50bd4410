#ifndef PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_
#define PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_

#include <ATen/ATen.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "host/base/mapped_file.h"
#include "host/formats/safetensors.h"

namespace patchbay {

// One tensor as it is stored. Never write to it.
struct StoredWeight {
  // Usually a view of the mapped file; a copy where the file's bytes are not aligned for their
  // type.
  at::Tensor tensor;
  std::shared_ptr<const MappedFile> file;

  // Lets go of the pages behind a view (see MappedFile::Forget); to be called when the values have
  // been converted elsewhere.
  void Forget() const;
};

// The tensors of one component (a U-Net, a text encoder ...) by their diffusers name. Making a map
// costs no memory; reading a tensor's values brings its pages in.
using WeightMap = std::map<std::string, StoredWeight, std::less<>>;

// The tensor of a safetensors file; keeps the file mapped.
StoredWeight ViewStoredWeight(const SafetensorsTensor& stored,
                              const std::shared_ptr<const MappedFile>& file);

}  // namespace patchbay

#endif  // PATCHBAY_HOST_RUNTIME_CHECKPOINT_WEIGHT_MAP_H_
