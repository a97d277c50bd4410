#ifndef PATCHBAY_ABI_TENSOR_FILE_H_
#define PATCHBAY_ABI_TENSOR_FILE_H_

#include <stdint.h>

#include "patchbay/abi/status.h"
#include "patchbay/abi/tensor.h"

#if defined(__cplusplus)
extern "C" {
#endif

/* Files of tensors (safetensors), for plugins that come with weights of their own. The host has
 * checked the whole header before a plugin sees any of it: every tensor lies inside the file and
 * has the bytes that its type and shape ask for. What the tensors are called and how large they are
 * is the user's all the same. */

/* What a file says of one tensor. Lives until the file is closed. */
typedef struct patchbay_tensor_entry {
  uint32_t struct_size;
  const char* name; /* "image_proj.proj.weight" */
  const char* type; /* as the format spells it: "F16", "BF16", "I64" */
  uint32_t dimensions;
  const int64_t* shape; /* `dimensions` numbers, outermost first */
} patchbay_tensor_entry;

typedef struct patchbay_tensor_file patchbay_tensor_file;

/* What patchbay_host.extension gives under this id: const patchbay_tensor_file_functions*. It lives
 * as long as the library is loaded. */
#define PATCHBAY_EXTENSION_TENSOR_FILES "patchbay.extension.tensor_files/1"

/* [any]; one file may be read by several threads. */
typedef struct patchbay_tensor_file_functions {
  uint32_t struct_size;
  /* Opens a file by the path that a setting of type FILE holds. INVALID_ARGUMENT names the file and
   * what is wrong with it; a pickled checkpoint is refused by that name. To be closed. */
  patchbay_status (*open)(const char* path, patchbay_tensor_file** file, patchbay_error* error);
  void (*close)(patchbay_tensor_file* file);
  uint32_t (*count)(const patchbay_tensor_file* file);
  /* In the order of the names; NULL beyond the last. */
  const patchbay_tensor_entry* (*entry)(const patchbay_tensor_file* file, uint32_t index);
  /* NULL where there is none of this name. */
  const patchbay_tensor_entry* (*find)(const patchbay_tensor_file* file, const char* name);
  /* Reads one tensor: in memory of its own on the CPU, of the file's type. NOT_FOUND names the file
   * and the tensor; FAILED_PRECONDITION: the file has been changed since it was opened. */
  patchbay_status (*read)(const patchbay_tensor_file* file, const char* name,
                          patchbay_tensor* tensor, patchbay_error* error);
  /* The header's metadata under this key; NULL where there is none. Lives until the file is closed.
   */
  const char* (*metadata)(const patchbay_tensor_file* file, const char* key);
} patchbay_tensor_file_functions;

#if defined(__cplusplus)
}
#endif

#endif /* PATCHBAY_ABI_TENSOR_FILE_H_ */
