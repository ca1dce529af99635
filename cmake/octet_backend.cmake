# SPDX-License-Identifier: Apache-2.0
# octet_add_backend(name PROCESSORS <regex> [FLAGS <flags>...] [SOURCE_DIR <folder>]):
# one folder with its private instruction-set flags, compiled into namespace octet::kernels::<name>
# and held to the ODR rules of docs/odr.md. A backend for another processor is left out, and so is one
# that OCTET_BACKENDS does not name, unless a named one is based on it.

set_property(GLOBAL PROPERTY OCTET_BACKENDS "")
set_property(GLOBAL PROPERTY OCTET_BACKENDS_KNOWN "")
set_property(GLOBAL PROPERTY OCTET_BACKENDS_WANTED ${OCTET_BACKENDS})

function(octet_add_backend name)
  cmake_parse_arguments(arg "" "PROCESSORS;SOURCE_DIR" "FLAGS" ${ARGN})
  if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(${arg_PROCESSORS})$")
    return()
  endif()
  if(NOT arg_SOURCE_DIR)
    set(arg_SOURCE_DIR ${name})
  endif()
  set_property(GLOBAL APPEND PROPERTY OCTET_BACKENDS_KNOWN ${name})
  get_property(wanted GLOBAL PROPERTY OCTET_BACKENDS_WANTED)
  if(wanted AND NOT name IN_LIST wanted)
    return()
  endif()
  # The list is best first, so a base comes behind what is based on it.
  file(STRINGS ${PROJECT_SOURCE_DIR}/kernels/${arg_SOURCE_DIR}/backend.cpp base REGEX "\\.base = &[a-z0-9_]+::backend")
  if(wanted AND base MATCHES "&([a-z0-9_]+)::")
    set_property(GLOBAL APPEND PROPERTY OCTET_BACKENDS_WANTED ${CMAKE_MATCH_1})
  endif()
  octet_backend_objects(octet_backend_${name} ${name} ${arg_SOURCE_DIR} "${arg_FLAGS}")
  set_property(GLOBAL APPEND PROPERTY OCTET_BACKENDS ${name})
  if(OCTET_TESTS)
    # The ODR gate looks at unoptimised objects: there every inline function leaves its symbol.
    octet_backend_objects(octet_backend_${name}_O0 ${name} ${arg_SOURCE_DIR} "${arg_FLAGS};-O0")
    add_test(NAME odr_${name} COMMAND ${CMAKE_COMMAND} -DNM=${CMAKE_NM} -DNAMESPACE=${name}
      "-DOBJECTS=$<TARGET_OBJECTS:octet_backend_${name}_O0>" -P ${PROJECT_SOURCE_DIR}/cmake/check_isa_objects.cmake)
    set_tests_properties(odr_${name} PROPERTIES LABELS no-asan)  # sanitizers add symbols of their own
  endif()
endfunction()

function(octet_backend_objects target name folder flags)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/${folder}/*.cpp)
  add_library(${target} OBJECT ${sources})
  octet_flags(${target})
  target_compile_definitions(${target} PRIVATE OCTET_BACKEND_NS=${name} xsimd=xsimd_${name})
  # Rule 6: nothing that could emit a shared weak symbol with this folder's instructions in it.
  # No exception passes through a kernel, so nothing has to unwind it.
  target_compile_options(${target} PRIVATE -fno-exceptions -fno-rtti -fno-threadsafe-statics
    -fno-asynchronous-unwind-tables -fno-unwind-tables ${flags})
  set_target_properties(${target} PROPERTIES
    INTERPROCEDURAL_OPTIMIZATION OFF UNITY_BUILD OFF DISABLE_PRECOMPILE_HEADERS ON)
endfunction()

# Writes backends.inc: OCTET_BACKEND(name) lines, best first, for kernels/backend.cpp.
function(octet_write_backend_list path)
  get_property(names GLOBAL PROPERTY OCTET_BACKENDS)
  get_property(known GLOBAL PROPERTY OCTET_BACKENDS_KNOWN)
  foreach(name IN LISTS OCTET_BACKENDS)
    if(NOT name IN_LIST known)
      message(FATAL_ERROR "OCTET_BACKENDS names '${name}': this processor has ${known}")
    endif()
  endforeach()
  set(text "")
  foreach(name IN LISTS names)
    string(APPEND text "OCTET_BACKEND(${name})\n")
  endforeach()
  file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
endfunction()
