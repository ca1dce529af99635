# SPDX-License-Identifier: Apache-2.0
# The two libraries that folders' objects make up.
get_property(backends GLOBAL PROPERTY OCTET_BACKENDS)
set(backend_objects "")
foreach(name IN LISTS backends)
  list(APPEND backend_objects $<TARGET_OBJECTS:octet_backend_${name}>)
endforeach()

add_library(octet_runtime $<TARGET_OBJECTS:octet_graph_objects> $<TARGET_OBJECTS:octet_kernels_objects>
  $<TARGET_OBJECTS:octet_runtime_objects> ${backend_objects})
add_library(octet $<TARGET_OBJECTS:octet_onnx_objects> $<TARGET_OBJECTS:octet_quantize_objects>
  $<TARGET_OBJECTS:octet_onednn_objects>)
add_library(octet::runtime ALIAS octet_runtime)
add_library(octet::octet ALIAS octet)

foreach(target octet_runtime octet)
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} INTERFACE cxx_std_20)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
endforeach()
target_link_libraries(octet_runtime PRIVATE octet_pthreadpool octet_cpuinfo fmt::fmt Threads::Threads)
target_link_libraries(octet PUBLIC octet_runtime PRIVATE octet_onnx_proto octet_dnnl fmt::fmt)
