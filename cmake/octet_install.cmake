# SPDX-License-Identifier: Apache-2.0
# cmake --install, in the three parts that become packages: `runtime` (what a finished product needs),
# `dev` (headers, static libraries, what find_package(octet) and pkg-config read), `tools` (the command).
include(CMakePackageConfigHelpers)

# One export per component of find_package(octet), because each needs other packages.
function(octet_export component)
  install(TARGETS ${ARGN} EXPORT octet-${component}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
  install(EXPORT octet-${component}-targets NAMESPACE octet:: DESTINATION ${package_dir} COMPONENT dev)
endfunction()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/octet)
octet_export(runtime octet_runtime)
if(TARGET octet_runtime_shared)
  octet_export(shared octet_runtime_shared)
endif()
if(TARGET octet)
  octet_export(full octet)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/octet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

set(generated ${PROJECT_BINARY_DIR}/generated)
set(has_onednn 0)
if(TARGET octet_dnnl)
  set(has_onednn 1)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/octet-config.cmake.in ${generated}/octet-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${generated}/octet-config-version.cmake VERSION ${PROJECT_VERSION}
  COMPATIBILITY SameMinorVersion)
install(FILES ${generated}/octet-config.cmake ${generated}/octet-config-version.cmake
  ${PROJECT_SOURCE_DIR}/cmake/octet_plain_library.cmake DESTINATION ${package_dir} COMPONENT dev)

# pkg-config finds its own folder, so the tree may be moved.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/octet.pc.in ${generated}/octet.pc @ONLY)
install(FILES ${generated}/octet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)
