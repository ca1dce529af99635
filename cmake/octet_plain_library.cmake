# SPDX-License-Identifier: Apache-2.0
# octet_plain_library(name header [REQUIRED]): target octet_<name> from a header and a library, or none
# where they are not found. Read by octet's own build and, once installed, by find_package(octet): what
# is installed names no path of the machine that built it.
# By header and library: pthreadpool ships no CMake config, the one that Debian 12 ships for cpuinfo
# names a static library which is not in the package, and oneDNN's insists on OpenCL, unused there.
function(octet_plain_library name header)
  if(TARGET octet_${name})
    return()
  endif()
  find_path(OCTET_${name}_INCLUDE ${header} ${ARGN})
  find_library(OCTET_${name}_LIBRARY ${name} ${ARGN})
  mark_as_advanced(OCTET_${name}_INCLUDE OCTET_${name}_LIBRARY)
  if(NOT OCTET_${name}_INCLUDE OR NOT OCTET_${name}_LIBRARY)
    return()
  endif()
  add_library(octet_${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(octet_${name} INTERFACE ${OCTET_${name}_LIBRARY})
  if(NOT OCTET_${name}_INCLUDE IN_LIST CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES AND NOT OCTET_${name}_INCLUDE STREQUAL "/usr/include")
    target_include_directories(octet_${name} SYSTEM INTERFACE ${OCTET_${name}_INCLUDE})
  endif()
endfunction()

# The ONNX messages: a config package upstream, a bare library on Debian. protobuf >= 22 needs its
# config package, which brings abseil.
function(octet_onnx_library)
  if(TARGET octet_onnx_proto)
    return()
  endif()
  if(NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf CONFIG QUIET)
    if(NOT Protobuf_FOUND)
      find_package(Protobuf REQUIRED)
    endif()
    set_target_properties(protobuf::libprotobuf PROPERTIES IMPORTED_GLOBAL TRUE)
  endif()
  find_path(OCTET_ONNX_INCLUDE onnx/onnx_pb.h REQUIRED)
  find_library(OCTET_ONNX_PROTO onnx_proto REQUIRED)
  mark_as_advanced(OCTET_ONNX_INCLUDE OCTET_ONNX_PROTO)
  add_library(octet_onnx_proto INTERFACE IMPORTED GLOBAL)
  target_link_libraries(octet_onnx_proto INTERFACE ${OCTET_ONNX_PROTO} protobuf::libprotobuf)
  target_compile_definitions(octet_onnx_proto INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
endfunction()
