# SPDX-License-Identifier: Apache-2.0
# cmake --install: headers, libraries, and what find_package(octet) reads.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/octet)
install(TARGETS octet octet_runtime octet_cpuinfo octet_pthreadpool octet_onnx_proto octet_dnnl EXPORT octet-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/octet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT octet-targets NAMESPACE octet:: DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/octet-config.cmake.in
  ${PROJECT_BINARY_DIR}/generated/octet-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/octet-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/generated/octet-config.cmake
  ${PROJECT_BINARY_DIR}/generated/octet-config-version.cmake DESTINATION ${package_dir})
