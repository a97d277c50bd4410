#ifndef PATCHBAY_TESTS_PLUGINS_PLAIN_DLPACK_H_
#define PATCHBAY_TESTS_PLUGINS_PLAIN_DLPACK_H_

#include <stdint.h>

/* The part of DLPack 0.8 (https://dmlc.github.io/dlpack/latest/c_api.html) that a plugin without
 * LibTorch needs, written down from its description. */

enum { kDLCPU = 1 };
enum { kDLFloat = 2 };

typedef struct DLDevice {
  int32_t device_type;
  int32_t device_id;
} DLDevice;

typedef struct DLDataType {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;

typedef struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides; /* in elements; NULL: contiguous */
  uint64_t byte_offset;
} DLTensor;

typedef struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(struct DLManagedTensor* self);
} DLManagedTensor;

#endif /* PATCHBAY_TESTS_PLUGINS_PLAIN_DLPACK_H_ */
