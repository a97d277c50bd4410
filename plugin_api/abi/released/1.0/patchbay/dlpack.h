#ifndef PATCHBAY_DLPACK_H_
#define PATCHBAY_DLPACK_H_

#include <stdint.h>

/* The part of DLPack 0.8 (https://dmlc.github.io/dlpack/latest/c_api.html) that a plugin without
 * LibTorch needs, written down from its description. Who uses DLPack's own header includes that one
 * and not this. */
#if !defined(DLPACK_DLPACK_H_)

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

#endif /* DLPACK_DLPACK_H_ */

#endif /* PATCHBAY_DLPACK_H_ */
