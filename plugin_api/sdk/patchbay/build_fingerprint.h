#ifndef PATCHBAY_SDK_BUILD_FINGERPRINT_H_
#define PATCHBAY_SDK_BUILD_FINGERPRINT_H_

#include <torch/headeronly/version.h>

// Defines the C++ library's ABI macros.
#include <version>

// PATCHBAY_BUILD_FINGERPRINT: what must be the same on both sides of the exact tier, as a string
// literal: "gcc-12 libstdc++-abi1 c++202002 libtorch-2.13.0". The host compares it letter by letter
// with its own. The layout of at::Tensor and of everything that it is made of follows from these.

#define PATCHBAY_FINGERPRINT_QUOTE_INNER(x) #x
#define PATCHBAY_FINGERPRINT_QUOTE(x) PATCHBAY_FINGERPRINT_QUOTE_INNER(x)

#if defined(__clang__)
#define PATCHBAY_FINGERPRINT_COMPILER "clang-" PATCHBAY_FINGERPRINT_QUOTE(__clang_major__)
#elif defined(__GNUC__)
#define PATCHBAY_FINGERPRINT_COMPILER "gcc-" PATCHBAY_FINGERPRINT_QUOTE(__GNUC__)
#else
#error "This compiler has no name here; give it one in PATCHBAY_FINGERPRINT_COMPILER."
#endif

// The debug mode of libstdc++ gives its containers other members.
#if defined(_GLIBCXX_DEBUG)
#define PATCHBAY_FINGERPRINT_DEBUG "-debug"
#else
#define PATCHBAY_FINGERPRINT_DEBUG ""
#endif

#if defined(_LIBCPP_ABI_VERSION)
#define PATCHBAY_FINGERPRINT_LIBRARY "libc++-abi" PATCHBAY_FINGERPRINT_QUOTE(_LIBCPP_ABI_VERSION)
#elif defined(_GLIBCXX_USE_CXX11_ABI) && _GLIBCXX_USE_CXX11_ABI
#define PATCHBAY_FINGERPRINT_LIBRARY "libstdc++-abi1" PATCHBAY_FINGERPRINT_DEBUG
#elif defined(_GLIBCXX_USE_CXX11_ABI)
#define PATCHBAY_FINGERPRINT_LIBRARY "libstdc++-abi0" PATCHBAY_FINGERPRINT_DEBUG
#else
#error "This C++ library has no name here; give it one in PATCHBAY_FINGERPRINT_LIBRARY."
#endif

#if __cplusplus > 202002L
#define PATCHBAY_FINGERPRINT_STANDARD "c++202302"
#elif __cplusplus == 202002L
#define PATCHBAY_FINGERPRINT_STANDARD "c++202002"
#else
#error "The exact tier needs C++20."
#endif

#define PATCHBAY_FINGERPRINT_LIBTORCH "libtorch-" TORCH_VERSION

#define PATCHBAY_BUILD_FINGERPRINT                                                                 \
  PATCHBAY_FINGERPRINT_COMPILER " " PATCHBAY_FINGERPRINT_LIBRARY " " PATCHBAY_FINGERPRINT_STANDARD \
                                " " PATCHBAY_FINGERPRINT_LIBTORCH

#endif  // PATCHBAY_SDK_BUILD_FINGERPRINT_H_
