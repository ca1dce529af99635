# SPDX-License-Identifier: Apache-2.0
# octet_flags(target): language level, warnings and the floating-point rule every object obeys.
# octet_objects(name [SMALL] pattern... [EXCEPT file...] [FAST pattern...]): object library octet_<name>_objects.
# SMALL: code that runs once per model, where a small library is worth more than a fast loop; FAST: its files
# whose loops take a run's time.

function(octet_flags target)
  # No contraction of a*b+c into fma: float results must be the same bits on every CPU. Nobody reads
  # errno or the exception flags of float arithmetic; saying so lets g++ vectorize the fp32 loops.
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-math-errno -fno-trapping-math
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # g++ 12 sees overlapping copies inside std::string's operator+ that cannot happen (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(OCTET_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_features(${target} PRIVATE cxx_std_20)
  # The shared library shows what OCTET_API marks and drops the functions that nobody calls.
  target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

function(octet_objects name)
  cmake_parse_arguments(arg "SMALL" "" "EXCEPT;FAST" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${arg_UNPARSED_ARGUMENTS})
  list(REMOVE_ITEM sources ${arg_EXCEPT})
  list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/)
  add_library(octet_${name}_objects OBJECT ${sources})
  octet_flags(octet_${name}_objects)
  if(arg_SMALL)
    list(TRANSFORM arg_FAST PREPEND ${PROJECT_SOURCE_DIR}/)
    file(GLOB fast ${arg_FAST})
    list(REMOVE_ITEM sources ${fast})
    set_property(SOURCE ${sources} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-Os>)
  endif()
endfunction()
