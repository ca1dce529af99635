# SPDX-License-Identifier: Apache-2.0
# `cpack -G DEB` makes three packages of the parts of octet_install.cmake: liboctet-runtime<soname>,
# liboctet-dev and octet-tools.
set(CPACK_PACKAGE_NAME octet)
set(CPACK_PACKAGE_CONTACT "octet maintainers <octet@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL runtime dev)
if(TARGET octet_command)
  list(APPEND CPACK_COMPONENTS_ALL tools)
endif()
set(CPACK_STRIP_FILES ON)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # dpkg-shlibdeps reads what the programs need
set(runtime_package liboctet-runtime${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME liboctet-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${runtime_package} (= ${PROJECT_VERSION}), libcpuinfo-dev, libpthreadpool-dev, libfmt-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libonnx-dev, libprotobuf-dev, libdnnl-dev")  # octet::octet
set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME octet-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION science)
include(CPack)
