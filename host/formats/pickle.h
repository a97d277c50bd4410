#ifndef PATCHBAY_HOST_FORMATS_PICKLE_H_
#define PATCHBAY_HOST_FORMATS_PICKLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "host/formats/element_type.h"

namespace patchbay {

// A tensor as torch.save() describes it in a pickle: a view of a storage that lies beside it.
struct PickledTensor {
  ElementType type = ElementType::kFloat32;
  std::string storage;            // its key
  uint64_t storage_elements = 0;  // in the whole storage
  uint64_t offset = 0;            // in elements, of the first one
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements
};

// Something that was pickled. What a container holds belongs to the Pickle.
struct PickledValue {
  enum class Kind {
    kNone,
    kBool,
    kInteger,
    kReal,
    kText,
    kList,
    kTuple,
    kDictionary,
    kTensor,
    kGlobal,   // a name that may be called; never in a finished Pickle's tensors
    kStorage,  // likewise
  };
  Kind kind = Kind::kNone;
  int64_t integer = 0;  // also of kBool
  double real = 0;
  std::string text;  // also of kGlobal
  // Of a list or tuple; of a dictionary: keys and values by turns. May contain itself.
  std::vector<const PickledValue*> items;
  std::optional<PickledTensor> tensor;  // of kTensor; of kStorage: without a shape
};

struct PickleLimits {
  size_t max_bytes = 32u << 20;
  size_t max_values = 1u << 20;
  size_t max_rank = 8;
};

// Owns all values of a pickle.
struct Pickle {
  std::deque<PickledValue> values;
  const PickledValue* root = nullptr;
};

// Reads a pickle of protocol 2 (Python's Lib/pickletools.py) as torch.save() writes them, by a
// machine that can build tensors, numbers, texts, lists, tuples, dictionaries and
// collections.OrderedDict, and nothing else: it has no way to call anything. INVALID_ARGUMENT names
// the global or the opcode that asks for more, and what is malformed. Errors do not name the file.
absl::StatusOr<Pickle> ReadPickle(absl::Span<const std::byte> content,
                                  const PickleLimits& limits = {});

}  // namespace patchbay

#endif  // PATCHBAY_HOST_FORMATS_PICKLE_H_
