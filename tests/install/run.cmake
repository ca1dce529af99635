# SPDX-License-Identifier: Apache-2.0
# cmake -DWAY=<way> -DBUILD=<octet's build folder> -DROOT=<octet's source folder> -DWORK=<scratch folder>
#   -DCC=<C compiler> -DCXX=<C++ compiler> -DLAUNCHER=<ccache or nothing> -DONNX=<model>
#   -DTOOLCHAIN=<file or nothing> -DEMULATOR=<what runs built programs, or nothing> -P run.cmake
# One way of getting octet into a small outside project, which is built and run. Way `install` comes
# first: it installs octet and then moves the tree, so that what the others use was built elsewhere.
cmake_minimum_required(VERSION 3.25)

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed: ${command}\n${text}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

# consume(<project> <prefix> <program's argument> [<cmake argument>...])
function(consume project prefix argument)
  set(build ${WORK}/${WAY})
  file(REMOVE_RECURSE ${build})
  step(${CMAKE_COMMAND} -S ${ROOT}/tests/install/${project} -B ${build} -G Ninja -DCMAKE_PREFIX_PATH=${prefix}
    -DCMAKE_BUILD_TYPE=Release ${compilers} ${ARGN})
  step(${CMAKE_COMMAND} --build ${build})
  file(GLOB programs ${build}/outside ${build}/outside_static)
  foreach(program IN LISTS programs)
    step(${EMULATOR} ${program} ${argument})
    message(STATUS "${text}")
  endforeach()
endfunction()

set(compiled ${WORK}/digits.octet)
set(ENV{LD_LIBRARY_PATH} "")
if(TOOLCHAIN)
  # find_package looks for octet itself outside the toolchain's root.
  set(compilers -DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN} -Doctet_DIR=${WORK}/moved/lib/cmake/octet)
else()
  set(compilers -DCMAKE_C_COMPILER=${CC} -DCMAKE_CXX_COMPILER=${CXX})
endif()

if(WAY STREQUAL "install")
  file(REMOVE_RECURSE ${WORK})
  step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first ${WORK}/moved)
  step(${EMULATOR} ${WORK}/moved/bin/octet compile ${ONNX} -o ${compiled})
elseif(WAY STREQUAL "find_package_full")
  consume(full ${WORK}/moved ${ONNX})
elseif(WAY STREQUAL "find_package_runtime")
  consume(runtime ${WORK}/moved ${compiled})
elseif(WAY STREQUAL "find_package_shared_c")
  consume(shared ${WORK}/moved ${compiled})
elseif(WAY STREQUAL "pkg_config")
  include(${ROOT}/tests/install/pkg_config.cmake)
elseif(WAY MATCHES "^(add_subdirectory|fetch_content)$")
  # The same flags as octet's own build, so that a compiler cache knows the objects.
  consume(subdirectory "" ${compiled} -DWAY=${WAY} -DOCTET_SOURCE=${ROOT} -DOCTET_WERROR=ON
    -DCMAKE_C_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER})
elseif(WAY STREQUAL "deb")
  include(${ROOT}/tests/install/deb.cmake)
elseif(WAY STREQUAL "recipes")
  include(${ROOT}/tests/install/recipes.cmake)
else()
  message(FATAL_ERROR "way '${WAY}' does not exist")
endif()
