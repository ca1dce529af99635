# SPDX-License-Identifier: Apache-2.0
# cmake -DOBJDUMP=<objdump> "-DOBJECTS=a.o;b.o" -DFORBIDDEN=<regex> -DREQUIRED=<regex> -P check_instructions.cmake
# No object may hold an instruction whose name matches FORBIDDEN, at least one must hold one that matches
# REQUIRED; an empty regex asks nothing. Backend folders alone may use what a CPU can lack (docs/odr.md).

set(found FALSE)
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${OBJDUMP} -d --no-show-raw-insn ${object} OUTPUT_VARIABLE text RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${OBJDUMP} cannot read ${object}")
  endif()
  # Lines look like "  1f:<tab>sdot<tab>v0.4s, ...".
  if(FORBIDDEN)
    string(REGEX MATCH "\n *[0-9a-f]+:[ \t]+(${FORBIDDEN})[ \t][^\n]*" line "${text}")
    if(line)
      message(SEND_ERROR "${object} holds an instruction that its flags must not give:${line}")
    endif()
  endif()
  if(REQUIRED AND text MATCHES ":[ \t]+(${REQUIRED})[ \t]")
    set(found TRUE)
  endif()
endforeach()
if(REQUIRED AND NOT found)
  message(SEND_ERROR "no instruction ${REQUIRED} in ${OBJECTS}")
endif()
