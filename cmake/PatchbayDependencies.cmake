# Finds the third-party packages. Each is a system package except LibTorch, which `./dev setup` puts
# into the private Python environment unless Torch_DIR names another one.

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
# Boost.DLL with std::filesystem: headers only.
find_package(Boost 1.74 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(WEBP REQUIRED IMPORTED_TARGET libwebp libwebpdemux libwebpmux)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
if(PATCHBAY_VIDEO)
  pkg_check_modules(LIBAV REQUIRED IMPORTED_TARGET libavformat libavcodec libswscale libavutil)
endif()
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

if(PATCHBAY_TESTS)
  find_package(GTest REQUIRED)
endif()

# Before LibTorch, which would otherwise define protobuf's target its own way.
if(PATCHBAY_SERVICE)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_package(Boost 1.74 REQUIRED COMPONENTS filesystem)
  find_package(SQLite3 REQUIRED)
  find_package(prometheus-cpp CONFIG REQUIRED)
endif()

# Torch_DIR, never CMAKE_PREFIX_PATH: the wheel carries the headers of an old protobuf, and a prefix
# path would make find_package(Protobuf) pick those.
if(NOT Torch_DIR)
  set(patchbay_torch_dir "$ENV{Torch_DIR}")
  if(NOT patchbay_torch_dir)
    file(GLOB patchbay_torch_dir
         "${CMAKE_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake/Torch")
  endif()
  set(Torch_DIR "${patchbay_torch_dir}" CACHE PATH "Where LibTorch's TorchConfig.cmake is" FORCE)
endif()

if(NOT PATCHBAY_FUZZ)
  # A CUDA wheel asks for the CUDA tool kit only to compile CUDA sources, of which we have none.
  find_package(Torch REQUIRED)
  get_filename_component(PATCHBAY_TORCH_LIBRARY_DIR "${Torch_DIR}/../../../lib" ABSOLUTE)
  list(APPEND CMAKE_BUILD_RPATH "${PATCHBAY_TORCH_LIBRARY_DIR}")
  list(APPEND CMAKE_INSTALL_RPATH "${PATCHBAY_TORCH_LIBRARY_DIR}")

  add_library(patchbay_torch INTERFACE)
  target_include_directories(patchbay_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(patchbay_torch INTERFACE ${TORCH_LIBRARIES})
  # at::parallel_for is a template: compiled without OpenMP it runs on one thread and says nothing.
  # LibTorch brings a libgomp.so.1 of its own; the name is the same, so that one serves both.
  target_compile_options(patchbay_torch INTERFACE -fopenmp)
  target_link_options(patchbay_torch INTERFACE -fopenmp)
endif()
