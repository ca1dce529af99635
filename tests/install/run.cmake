# SPDX-License-Identifier: Apache-2.0
# cmake -DBUILD=<octet's build folder> -DWORK=<scratch folder> -DSOURCE=<tests/install> -DMODEL=<.onnx> -P run.cmake
# Installs octet, moves the installed tree, then configures, builds and runs an outside project against it.
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}\n${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/moved)
step(${CMAKE_COMMAND} -S ${SOURCE}/project -B ${WORK}/build -G Ninja -DCMAKE_PREFIX_PATH=${WORK}/moved
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Release)
step(${CMAKE_COMMAND} --build ${WORK}/build)
step(${WORK}/build/outside ${MODEL})
