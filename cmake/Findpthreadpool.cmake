# SPDX-License-Identifier: Apache-2.0
# Finds pthreadpool, which ships neither a CMake config nor a .pc file; also installed beside
# octet-config.cmake.
find_path(pthreadpool_INCLUDE_DIR pthreadpool.h)
find_library(pthreadpool_LIBRARY pthreadpool)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(pthreadpool DEFAULT_MSG pthreadpool_LIBRARY pthreadpool_INCLUDE_DIR)
if(pthreadpool_FOUND AND NOT TARGET pthreadpool::pthreadpool)
  add_library(pthreadpool::pthreadpool UNKNOWN IMPORTED)
  set_target_properties(pthreadpool::pthreadpool PROPERTIES IMPORTED_LOCATION ${pthreadpool_LIBRARY})
  if(NOT pthreadpool_INCLUDE_DIR STREQUAL "/usr/include")
    target_include_directories(pthreadpool::pthreadpool SYSTEM INTERFACE ${pthreadpool_INCLUDE_DIR})
  endif()
endif()
