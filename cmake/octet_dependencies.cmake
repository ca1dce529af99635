# SPDX-License-Identifier: Apache-2.0
# Everything octet takes from outside, and what differs between versions of it. Code sees only the
# targets named here (fmt::fmt, octet_cpuinfo, octet_pthreadpool, octet_onnx_proto, octet_dnnl).

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

# By header and library: pthreadpool ships no CMake config, the one that Debian 12 ships for cpuinfo
# names a static library which is not in the package, and oneDNN's insists on OpenCL, unused there.
function(octet_plain_library name header)
  find_path(OCTET_${name}_INCLUDE ${header} REQUIRED)
  find_library(OCTET_${name}_LIBRARY ${name} REQUIRED)
  add_library(octet_${name} INTERFACE)
  target_link_libraries(octet_${name} INTERFACE ${OCTET_${name}_LIBRARY})
  if(NOT OCTET_${name}_INCLUDE STREQUAL "/usr/include")
    target_include_directories(octet_${name} SYSTEM INTERFACE ${OCTET_${name}_INCLUDE})
  endif()
endfunction()
octet_plain_library(cpuinfo cpuinfo.h)
octet_plain_library(pthreadpool pthreadpool.h)
octet_plain_library(dnnl dnnl.hpp)
target_link_libraries(octet_dnnl INTERFACE ${CMAKE_DL_LIBS})

# The ONNX messages: a config package upstream, a bare library on Debian. protobuf >= 22 needs its
# config package, which brings abseil.
find_package(Protobuf CONFIG QUIET)
if(NOT Protobuf_FOUND)
  find_package(Protobuf REQUIRED)
endif()
find_path(OCTET_ONNX_INCLUDE onnx/onnx_pb.h REQUIRED)
find_library(OCTET_ONNX_PROTO onnx_proto REQUIRED)
add_library(octet_onnx_proto INTERFACE)
target_link_libraries(octet_onnx_proto INTERFACE ${OCTET_ONNX_PROTO} protobuf::libprotobuf)
target_compile_definitions(octet_onnx_proto INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
