# `cmake --install BUILD --component sdk --prefix FOLDER` gives plugin authors what they need; outside
# projects then say find_package(Patchbay REQUIRED).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(patchbay_package "${CMAKE_INSTALL_LIBDIR}/cmake/Patchbay")

install(TARGETS patchbay_abi patchbay_sdk patchbay_plugin_manifest EXPORT PatchbaySdk
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT sdk)
install(EXPORT PatchbaySdk DESTINATION "${patchbay_package}" FILE PatchbaySdk.cmake COMPONENT sdk)
install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/abi/patchbay" "${CMAKE_CURRENT_SOURCE_DIR}/sdk/patchbay"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT sdk FILES_MATCHING PATTERN "*.h")
install(FILES "${CMAKE_CURRENT_SOURCE_DIR}/cmake/PatchbayPlugin.cmake"
              "${CMAKE_CURRENT_SOURCE_DIR}/cmake/plugin.map"
        DESTINATION "${patchbay_package}" COMPONENT sdk)
install(DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}/template"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/patchbay" COMPONENT sdk)
configure_package_config_file("${CMAKE_CURRENT_SOURCE_DIR}/cmake/PatchbayConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/PatchbayConfig.cmake" INSTALL_DESTINATION "${patchbay_package}")
# A plugin asks for the version that it was written with; the ABI's own rules are in COMPATIBILITY.md.
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/PatchbayConfigVersion.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/PatchbayConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/PatchbayConfigVersion.cmake"
        DESTINATION "${patchbay_package}" COMPONENT sdk)
