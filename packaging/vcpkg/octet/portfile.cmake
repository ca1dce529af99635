# SPDX-License-Identifier: Apache-2.0
# An overlay port: vcpkg install octet --overlay-ports=packaging/vcpkg
# It builds the tree that it lies in.
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(OCTET_RUNTIME_ONLY ON)
if("full" IN_LIST FEATURES)
  set(OCTET_RUNTIME_ONLY OFF)
endif()
set(OCTET_TOOLS OFF)
if("tools" IN_LIST FEATURES)
  set(OCTET_TOOLS ON)
endif()
set(OCTET_SHARED OFF)
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
  set(OCTET_SHARED ON)
endif()

vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS
  -DOCTET_RUNTIME_ONLY=${OCTET_RUNTIME_ONLY} -DOCTET_TOOLS=${OCTET_TOOLS} -DOCTET_SHARED=${OCTET_SHARED}
  -DOCTET_TESTS=OFF -DOCTET_WERROR=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/octet)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES octet AUTO_CLEAN)
endif()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
