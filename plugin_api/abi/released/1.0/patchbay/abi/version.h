#ifndef PATCHBAY_ABI_VERSION_H_
#define PATCHBAY_ABI_VERSION_H_

/* Patchbay's plugin ABI: what a plugin and the host must agree on byte by byte.
 *
 * Plugin authors do not read these headers; they write against the C++ SDK in plugin_api/sdk, which
 * is built on them. They are for authors in C and other languages, and for the SDK itself.
 *
 * Conventions that hold in every header of this folder:
 *
 * Everything is C11 and is also valid C++.
 *
 * Every struct that crosses begins with `uint32_t struct_size`, which its maker sets to sizeof. New
 * fields are only ever added at the end. A reader looks at no field beyond the size that it is
 * given. A struct that stands inside another one never grows.
 *
 * The elements of an array of structs stand struct_size bytes apart, which is the same for all of
 * them and may be more than the reader's own sizeof: its maker may know a later minor version. Step
 * through one with PATCHBAY_ELEMENT, never with [].
 *
 * Strings are UTF-8 and end in a zero byte. Strings and arrays that a plugin hands out stay its own
 * and must live as long as the struct that names them; those that the host hands out live until the
 * call returns, unless said otherwise.
 *
 * A function returns a patchbay_status. Out parameters are written only when it is PATCHBAY_OK. No
 * exception leaves a plugin, and none leaves the host.
 *
 * Each function states the threads that may call it. [control]: one thread, never two at once; may
 * take its time; no picture waits for it. [job]: the thread that draws; calls for one pass never
 * overlap, calls for different passes do, so an instance must not change itself here. [any]: any
 * thread at any time.
 *
 * What is marked "draft" may still change within this major version; see COMPATIBILITY.md. */

#include <stddef.h>
#include <stdint.h>

/* Different: the host refuses the plugin. */
#define PATCHBAY_ABI_MAJOR 1u
/* A plugin of a higher minor version than the host's is refused; a lower one is served. */
#define PATCHBAY_ABI_MINOR 0u

/* "PBAY" read as a little-endian number. */
#define PATCHBAY_ABI_MAGIC 0x59414250u

/* The address of element `index` of an array of structs that someone else made: a const type*. */
#define PATCHBAY_ELEMENT(type, array, index)         \
  ((const type*)(const void*)((const char*)(array) + \
                              (size_t)(array)->struct_size * (size_t)(index)))

#if defined(__cplusplus)
#define PATCHBAY_EXTERN_C extern "C"
#else
#define PATCHBAY_EXTERN_C extern
#endif

#if defined(_WIN32)
#define PATCHBAY_EXPORT PATCHBAY_EXTERN_C __declspec(dllexport)
#else
#define PATCHBAY_EXPORT PATCHBAY_EXTERN_C __attribute__((visibility("default")))
#endif

#endif /* PATCHBAY_ABI_VERSION_H_ */
