# patchbay_add_library(), patchbay_add_executable() and patchbay_add_test(): the only way targets are
# made here, so that the folder rules of the architecture are checked when CMake runs.

# What each layer may use. A target's layer is given by LAYER; the lint checks the same rules on
# every #include.
set(PATCHBAY_LAYER_abi_MAY_USE abi)
set(PATCHBAY_LAYER_sdk_MAY_USE abi sdk)
set(PATCHBAY_LAYER_base_MAY_USE base)
set(PATCHBAY_LAYER_formats_MAY_USE base formats)
set(PATCHBAY_LAYER_runtime_MAY_USE base formats runtime abi)
set(PATCHBAY_LAYER_plugin_MAY_USE abi sdk plugin)
set(PATCHBAY_LAYER_plugins_MAY_USE base formats runtime abi sdk plugins)
set(PATCHBAY_LAYER_validator_MAY_USE base formats runtime abi sdk plugins validator)
set(PATCHBAY_LAYER_engine_MAY_USE base formats runtime plugins engine)
set(PATCHBAY_LAYER_service_MAY_USE base formats engine proto service)
set(PATCHBAY_LAYER_bridges_MAY_USE proto bridges)
set(PATCHBAY_LAYER_cli_MAY_USE base formats engine service validator cli)
set(PATCHBAY_LAYER_tests_MAY_USE base formats runtime abi sdk plugin plugins validator engine service cli proto bridges tests)

function(patchbay_check_layers target layer)
  set_target_properties(${target} PROPERTIES PATCHBAY_LAYER ${layer})
  foreach(dependency IN LISTS ARGN)
    if(NOT TARGET ${dependency})
      message(FATAL_ERROR "${target}: no target ${dependency}; add its folder before this one")
    endif()
    get_target_property(used ${dependency} PATCHBAY_LAYER)
    if(used AND NOT used IN_LIST PATCHBAY_LAYER_${layer}_MAY_USE)
      message(FATAL_ERROR "${target} (layer ${layer}) may not use ${dependency} (layer ${used})")
    endif()
  endforeach()
endfunction()

# One precompiled ATen header for all targets that use LibTorch: without it each file spends five
# seconds on the same headers.
if(TARGET patchbay_torch AND NOT TARGET patchbay_torch_pch)
  file(WRITE "${CMAKE_BINARY_DIR}/torch_pch.cc.new" "")
  file(COPY_FILE "${CMAKE_BINARY_DIR}/torch_pch.cc.new" "${CMAKE_BINARY_DIR}/torch_pch.cc"
       ONLY_IF_DIFFERENT)
  add_library(patchbay_torch_pch STATIC "${CMAKE_BINARY_DIR}/torch_pch.cc")
  target_link_libraries(patchbay_torch_pch PRIVATE patchbay_torch)
  target_include_directories(patchbay_torch_pch PRIVATE "${CMAKE_SOURCE_DIR}")
  target_compile_options(patchbay_torch_pch PRIVATE ${PATCHBAY_WARNINGS})
  target_precompile_headers(patchbay_torch_pch PRIVATE <ATen/ATen.h>)
endif()

macro(patchbay_configure_target target visibility)
  target_include_directories(${target} ${visibility} "${CMAKE_SOURCE_DIR}")
  target_compile_options(${target} PRIVATE ${PATCHBAY_WARNINGS})
  target_link_libraries(${target} ${visibility} ${arg_DEPS})
  if(arg_TORCH)
    # PRIVATE, so that LibTorch's include path never reaches a target that also uses protobuf.
    target_link_libraries(${target} PRIVATE patchbay_torch)
    target_precompile_headers(${target} REUSE_FROM patchbay_torch_pch)
    # An executable would otherwise be compiled with -fPIE, with which the header is of no use.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE -fPIC)
  endif()
endmacro()

# patchbay_add_library(NAME LAYER layer SOURCES file... [DEPS target...] [TORCH])
# TORCH: the sources include LibTorch headers.
function(patchbay_add_library name)
  cmake_parse_arguments(arg "TORCH" "LAYER" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  patchbay_configure_target(${name} PUBLIC)
  patchbay_check_layers(${name} ${arg_LAYER} ${arg_DEPS})
endfunction()

# patchbay_add_plugin_part(NAME SOURCES file... [DEPS target...])
# A library that several plugins are linked with, compiled as they are (see
# plugin_api/cmake/PatchbayPlugin.cmake): it becomes a part of each.
function(patchbay_add_plugin_part name)
  patchbay_add_library(${name} LAYER plugin TORCH ${ARGN})
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_options(${name} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
endfunction()

# patchbay_add_executable(NAME LAYER layer SOURCES file... [DEPS target...] [TORCH])
function(patchbay_add_executable name)
  cmake_parse_arguments(arg "TORCH" "LAYER" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  patchbay_configure_target(${name} PRIVATE)
  patchbay_check_layers(${name} ${arg_LAYER} ${arg_DEPS})
endfunction()

# patchbay_add_test(NAME SOURCES file... [DEPS target...] [TORCH])
# One executable per folder; CTest runs it as one test and `./dev test` counts its cases.
function(patchbay_add_test name)
  if(NOT PATCHBAY_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "TORCH" "" "SOURCES;DEPS" ${ARGN})
  list(APPEND arg_DEPS GTest::gmock GTest::gtest_main)
  if(arg_TORCH)
    list(APPEND arg_SOURCES "${CMAKE_SOURCE_DIR}/tests/seeding/every_test.cc")
  endif()
  add_executable(${name} ${arg_SOURCES})
  patchbay_configure_target(${name} PRIVATE)
  patchbay_check_layers(${name} tests ${arg_DEPS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name}
           COMMAND ${name} "--gtest_output=json:${CMAKE_BINARY_DIR}/test-results/${name}.json"
           WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES TIMEOUT 600)
endfunction()

# patchbay_add_fuzzer(NAME SOURCES file... [DEPS target...] [CORPUS folder])
# Built by the fuzz preset only; `./dev test` runs each for a minute from its seed corpus.
function(patchbay_add_fuzzer name)
  if(NOT PATCHBAY_FUZZ)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  patchbay_configure_target(${name} PRIVATE)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/fuzzers")
endfunction()
