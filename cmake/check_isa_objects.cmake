# SPDX-License-Identifier: Apache-2.0
# The ODR gate: cmake -DNM=<nm> -DNAMESPACE=<backend> "-DOBJECTS=a.o;b.o" -P check_isa_objects.cmake
# Every external symbol that a backend's objects define must live in octet::kernels::<backend>, or
# in the xsimd that was renamed for it. One weak copy of a shared inline function, compiled with
# this folder's instructions, could be the copy that the linker keeps for everybody (docs/odr.md).

string(LENGTH ${NAMESPACE} length)
set(own "N5octet7kernels${length}${NAMESPACE}")
string(LENGTH "xsimd_${NAMESPACE}" xsimd_length)
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} --defined-only --extern-only --format=posix ${object}
    OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${NM} cannot read ${object}")
  endif()
  string(REPLACE "\n" ";" lines "${text}")
  foreach(line IN LISTS lines)
    string(REGEX MATCH "^[^ ]+" symbol "${line}")
    if(symbol AND NOT symbol MATCHES "^_Z[A-Z]*K?${own}" AND NOT symbol MATCHES "${xsimd_length}xsimd_${NAMESPACE}")
      message(SEND_ERROR "${object} defines ${symbol}, which is not in octet::kernels::${NAMESPACE}")
    endif()
  endforeach()
endforeach()
