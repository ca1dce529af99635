# SPDX-License-Identifier: Apache-2.0
# Everything octet takes from outside, and what differs between versions of it. Code sees only the
# targets named here (cpuinfo::cpuinfo, fmt::fmt, octet_pthreadpool, octet_onnx_proto, octet_dnnl).

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(cpuinfo REQUIRED)
find_package(pthreadpool REQUIRED)  # cmake/Findpthreadpool.cmake: upstream ships no config

add_library(octet_pthreadpool INTERFACE)
target_link_libraries(octet_pthreadpool INTERFACE pthreadpool::pthreadpool)

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

# oneDNN 2.6 (Debian 12) has a CMake config under the name dnnl, as has 3.x.
find_package(dnnl CONFIG QUIET)
add_library(octet_dnnl INTERFACE)
if(dnnl_FOUND)
  target_link_libraries(octet_dnnl INTERFACE DNNL::dnnl)
else()
  find_library(OCTET_DNNL dnnl REQUIRED)
  target_link_libraries(octet_dnnl INTERFACE ${OCTET_DNNL})
endif()
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(octet_dnnl INTERFACE OpenMP::OpenMP_CXX)
