# SPDX-License-Identifier: Apache-2.0
# cmake -DOBJDUMP=<objdump> "-DOBJECTS=a.o;b.o" -P check_encoding.cmake
# The objects of backend avxvnni must hold vpdpbusd, and nothing in EVEX encoding: its CPUs have no
# AVX-512, and an assembler or a compiler that picks the EVEX form of vpdpbusd would show only there.
# In 64-bit mode an instruction whose first byte is 62 is EVEX-encoded; what EVEX alone has (zmm,
# mask registers, the upper 16 vector registers) is looked for besides.

set(found FALSE)
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${OBJDUMP} -d --wide ${object} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${OBJDUMP} cannot read ${object}")
  endif()
  # Lines look like "  1f:<tab>c4 e2 ... <tab>vpdpbusd ..." (LLVM's objdump: a blank after the colon).
  string(REGEX MATCH "\n *[0-9a-f]+:[ \t]+62 [^\n]*" evex "${text}")
  if(NOT evex)
    string(REGEX MATCH "\n[^\n]*(%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])|{evex})[^\n]*" evex "${text}")
  endif()
  if(evex)
    message(SEND_ERROR "${object} holds an instruction in EVEX encoding:${evex}")
  endif()
  if(text MATCHES ":[ \t]+c4 [^\n]*vpdpbusd")
    set(found TRUE)
  endif()
endforeach()
if(NOT found)
  message(SEND_ERROR "no vpdpbusd in VEX encoding in ${OBJECTS}")
endif()
