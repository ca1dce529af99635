# SPDX-License-Identifier: Apache-2.0
# octet_add_test(name PATTERN... [LIBRARIES ...]): one Catch2 program test_<name> from the matching
# sources of tests/, registered with CTest.

add_library(octet_catch_main OBJECT ${PROJECT_SOURCE_DIR}/tests/support/main.cpp)
octet_flags(octet_catch_main)

function(octet_add_test name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/tests ${arg_UNPARSED_ARGUMENTS})
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  octet_flags(test_${name})
  # Catch's macros are most of a test's code; optimising them hard doubles the build time for nothing.
  target_compile_options(test_${name} PRIVATE -O1)
  target_link_libraries(test_${name} PRIVATE octet_catch_main fmt::fmt ${arg_LIBRARIES})
  target_compile_definitions(test_${name} PRIVATE $<$<BOOL:${CMAKE_CROSSCOMPILING_EMULATOR}>:OCTET_EMULATED>
    OCTET_SOURCE_DIR="${PROJECT_SOURCE_DIR}" OCTET_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared")
  add_test(NAME ${name} COMMAND test_${name})
endfunction()
