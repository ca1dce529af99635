# SPDX-License-Identifier: Apache-2.0
# cmake -DLIBRARY=<.so> -DNM=<nm> -DREADELF=<readelf> -DSTRIP=<strip> -DSYMBOLS=<list> -DWORK=<scratch folder> -P check_library.cmake
# What an embedder counts on: the exported symbols, the libraries that are needed, and the size.

function(read output)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}")
  endif()
  string(REPLACE "\n" ";" text "${text}")
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

file(MAKE_DIRECTORY ${WORK})

# The symbols, one for one. Weak ones (type information of octet::Error) depend on the compiler.
read(lines ${NM} -D --defined-only --format=posix ${LIBRARY})
set(symbols "")
foreach(line IN LISTS lines)
  if(line MATCHES "^([^ @]+)[^ ]* [TDBR] ")
    list(APPEND symbols ${CMAKE_MATCH_1})
  endif()
endforeach()
list(SORT symbols)
list(JOIN symbols "\n" text)
file(WRITE ${WORK}/symbols "${text}\n")
file(STRINGS ${SYMBOLS} expected REGEX "^[^#]")
set(gone ${expected})
list(REMOVE_ITEM gone ${symbols})
set(new ${symbols})
list(REMOVE_ITEM new ${expected})
if(gone OR new)
  message(SEND_ERROR "the exported symbols changed: programs linked before need the old ones.\n  gone: ${gone}\n"
    "  new: ${new}\nIf that is meant, put ${WORK}/symbols below the comment of ${SYMBOLS}.")
endif()

read(lines ${READELF} -d ${LIBRARY})
foreach(line IN LISTS lines)
  if(line MATCHES "NEEDED.*\\[(.*)\\]" AND NOT CMAKE_MATCH_1 MATCHES
      "^(libc|libm|libstdc\\+\\+|libgcc_s|libpthreadpool|libcpuinfo|ld-linux[a-z0-9_-]*)\\.so(\\..*)?$")
    message(SEND_ERROR "the library needs ${CMAKE_MATCH_1}, which an embedder would have to ship")
  endif()
endforeach()

read(lines ${NM} -D --undefined-only --format=posix ${LIBRARY})
foreach(line IN LISTS lines)
  if(line MATCHES "ios_base|basic_[a-z]*stream")
    message(SEND_ERROR "the library uses iostream: ${line}")
  endif()
endforeach()

set(most 1580000)  # all x86 backends, avx512vnni256 (for tests alone) among them; all operators
file(REMOVE ${WORK}/stripped.so)
read(lines ${STRIP} -o ${WORK}/stripped.so ${LIBRARY})
file(SIZE ${WORK}/stripped.so size)
message(STATUS "${size} bytes stripped, at most ${most}")
if(size GREATER most)
  message(SEND_ERROR "${LIBRARY} has ${size} bytes when stripped: at most ${most}")
endif()
