# patchbay_add_plugin(): the only way a plugin is built, because these flags are part of the ABI. Used by
# this project and, from an installed SDK, by others.

# LibTorch: this project's target, or what find_package(Torch) gives.
function(patchbay_plugin_link_libtorch target)
  if(TARGET patchbay_torch)
    target_link_libraries(${target} PRIVATE patchbay_torch)
    return()
  endif()
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    message(FATAL_ERROR "${target}: its tier needs LibTorch; set Torch_DIR to .../torch/share/cmake/Torch")
  endif()
  target_include_directories(${target} SYSTEM PRIVATE ${TORCH_INCLUDE_DIRS})
  # Not TORCH_LIBRARIES: that asks the loader for libtorch.so, which holds nothing and which a host need
  # not have loaded.
  get_filename_component(libraries "${Torch_DIR}/../../../lib" ABSOLUTE)
  target_link_libraries(${target} PRIVATE "${libraries}/libtorch_cpu.so" "${libraries}/libc10.so")
  # Without OpenMP at::parallel_for runs on one thread.
  target_compile_options(${target} PRIVATE -fopenmp)
  target_link_options(${target} PRIVATE -fopenmp)
endfunction()

# What a plugin's tier asks for. LIBTORCH: the oldest LibTorch that a plugin of the stable tier serves
# with, "2.11".
function(patchbay_plugin_set_tier target tier libtorch)
  if(tier STREQUAL "exact")
    patchbay_plugin_link_libtorch(${target})
    if(TARGET patchbay_torch_pch)
      target_precompile_headers(${target} REUSE_FROM patchbay_torch_pch)
    endif()
  elseif(tier STREQUAL "stable")
    if(NOT libtorch MATCHES "^([0-9]+)\\.([0-9]+)$")
      message(FATAL_ERROR "${target}: LIBTORCH is \"${libtorch}\"; it must read like 2.11")
    endif()
    math(EXPR version "(${CMAKE_MATCH_1} << 56) | (${CMAKE_MATCH_2} << 48)" OUTPUT_FORMAT HEXADECIMAL)
    target_compile_definitions(${target} PRIVATE "TORCH_TARGET_VERSION=${version}"
                                                 "PATCHBAY_STABLE_LIBTORCH=\"${libtorch}\"")
    patchbay_plugin_link_libtorch(${target})
  elseif(NOT tier STREQUAL "plain")
    message(FATAL_ERROR "${target}: TIER is \"${tier}\"; it must be exact, stable or plain")
  endif()
endfunction()

# Compiles and links a MODULE library as a plugin must be, into FOLDER/<id>/<id>.so.
function(patchbay_configure_plugin target id tier libtorch folder)
  target_link_libraries(${target} PRIVATE patchbay_sdk)
  set_target_properties(${target} PROPERTIES
    PREFIX "" SUFFIX ".so" OUTPUT_NAME "${id}" LIBRARY_OUTPUT_DIRECTORY "${folder}/${id}"
    DEFINE_SYMBOL ""
    C_STANDARD 11 C_STANDARD_REQUIRED ON
    CXX_STANDARD 20 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    # LibTorch is in the process before the plugin is; a path here would only find another one.
    SKIP_BUILD_RPATH ON INSTALL_RPATH ""
    LINK_DEPENDS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map")
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:${PATCHBAY_WARNINGS}>"
    # Statics in templates would otherwise be shared with the version that this one replaces, and keep
    # the library mapped for good. clang makes no such symbols.
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
  target_link_options(${target} PRIVATE
    "LINKER:--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/plugin.map"
    LINKER:--as-needed LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
  if(NOT PATCHBAY_SANITIZE)
    # A symbol that nobody has is an error here, not when the host loads the plugin. The sanitizers'
    # symbols may be in the executable only.
    target_link_options(${target} PRIVATE LINKER:-z,defs)
  endif()
  patchbay_plugin_set_tier(${target} "${tier}" "${libtorch}")
endfunction()

# patchbay_add_plugin(NAME ID id SOURCES file... [TIER exact|stable|plain] [LIBTORCH version]
#                     [FOLDER folder])
# Builds FOLDER/<id>/<id>.so and the manifest plugin.json beside it.
#   ID        what the plugin calls itself; the build fails when the library says another
#   TIER      exact (default): at::Tensor. stable: torch::stable::Tensor. plain: no LibTorch; may be C
#   LIBTORCH  tier stable: the oldest LibTorch that it serves with; default 2.11
#   FOLDER    default: plugins/ in the build folder
function(patchbay_add_plugin name)
  cmake_parse_arguments(arg "" "ID;TIER;LIBTORCH;FOLDER" "SOURCES" ${ARGN})
  if(NOT arg_ID MATCHES "^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
    message(FATAL_ERROR "${name}: ID is \"${arg_ID}\"; it must be lower case letters, digits and \"-\"")
  endif()
  if(NOT arg_SOURCES)
    message(FATAL_ERROR "${name}: no SOURCES")
  endif()
  if(NOT arg_TIER)
    set(arg_TIER exact)
  endif()
  if(NOT arg_LIBTORCH)
    set(arg_LIBTORCH 2.11)
  endif()
  if(NOT arg_FOLDER)
    set(arg_FOLDER "${CMAKE_BINARY_DIR}/plugins")
  endif()
  add_library(${name} MODULE ${arg_SOURCES})
  patchbay_configure_plugin(${name} "${arg_ID}" "${arg_TIER}" "${arg_LIBTORCH}" "${arg_FOLDER}")

  set(environment "")
  if(NOT arg_TIER STREQUAL "plain" AND Torch_DIR)
    get_filename_component(libraries "${Torch_DIR}/../../../lib" ABSOLUTE)
    set(environment ${CMAKE_COMMAND} -E env "LD_LIBRARY_PATH=${libraries}")
  endif()
  add_custom_command(TARGET ${name} POST_BUILD VERBATIM
    COMMAND ${environment} "$<TARGET_FILE:patchbay_plugin_manifest>" "$<TARGET_FILE:${name}>"
            "$<TARGET_FILE_DIR:${name}>/plugin.json" "${arg_ID}"
    COMMENT "Writing the manifest of ${arg_ID}")
  add_dependencies(${name} patchbay_plugin_manifest)
  if(COMMAND patchbay_check_layers)
    patchbay_check_layers(${name} plugin patchbay_sdk)
  endif()
endfunction()
