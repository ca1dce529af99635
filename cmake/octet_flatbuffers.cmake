# SPDX-License-Identifier: Apache-2.0
# octet_use_flatbuffers(target): the target may include octet_generated.h, which flatc makes of
# runtime/octet.fbs during the build. FlatBuffers is a compiler and headers: nothing to link.
find_program(OCTET_FLATC flatc REQUIRED)
# Not of the machine that is built for: the headers belong to the flatc that runs here. Linked into a
# folder of their own, so that a cross build sees these and no other headers of this machine.
find_path(OCTET_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h REQUIRED NO_CMAKE_FIND_ROOT_PATH)
mark_as_advanced(OCTET_FLATC OCTET_FLATBUFFERS_INCLUDE)
set(octet_flatbuffers_dir ${PROJECT_BINARY_DIR}/generated/flatbuffers)
file(MAKE_DIRECTORY ${octet_flatbuffers_dir}/include)
file(CREATE_LINK ${OCTET_FLATBUFFERS_INCLUDE}/flatbuffers ${octet_flatbuffers_dir}/include/flatbuffers SYMBOLIC)

add_custom_command(OUTPUT ${octet_flatbuffers_dir}/octet_generated.h
  COMMAND ${OCTET_FLATC} --cpp -o ${octet_flatbuffers_dir} ${PROJECT_SOURCE_DIR}/runtime/octet.fbs
  DEPENDS ${PROJECT_SOURCE_DIR}/runtime/octet.fbs VERBATIM)
add_custom_target(octet_schema DEPENDS ${octet_flatbuffers_dir}/octet_generated.h)

function(octet_use_flatbuffers target)
  add_dependencies(${target} octet_schema)
  target_include_directories(${target} SYSTEM PRIVATE
    ${PROJECT_BINARY_DIR}/generated/flatbuffers ${PROJECT_BINARY_DIR}/generated/flatbuffers/include)
endfunction()
