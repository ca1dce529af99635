# SPDX-License-Identifier: Apache-2.0
# Everything octet takes from outside, and what differs between versions of it. Code sees only the
# targets named here (fmt::fmt, octet_cpuinfo, octet_pthreadpool, octet_onnx_proto, octet_dnnl).
include(octet_plain_library)

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
octet_plain_library(cpuinfo cpuinfo.h REQUIRED)
octet_plain_library(pthreadpool pthreadpool.h REQUIRED)
if(OCTET_RUNTIME_ONLY)
  return()
endif()

# Without oneDNN all-float models run on the fp32 kernels that mixed models run on: slower, and the
# same bits everywhere.
if(OCTET_ONEDNN STREQUAL "AUTO")
  octet_plain_library(dnnl dnnl.hpp)
elseif(OCTET_ONEDNN)
  octet_plain_library(dnnl dnnl.hpp REQUIRED)
endif()
if(TARGET octet_dnnl)
  target_link_libraries(octet_dnnl INTERFACE ${CMAKE_DL_LIBS})
endif()
octet_onnx_library()
