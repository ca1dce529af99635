# SPDX-License-Identifier: Apache-2.0
# The libraries that folders' objects make up. octet_runtime and octet_runtime_shared are one thing in two
# forms; octet, static only, adds ONNX and quantization for tools and for calibrating in an application.
get_property(backends GLOBAL PROPERTY OCTET_BACKENDS)
set(runtime_objects $<TARGET_OBJECTS:octet_graph_objects> $<TARGET_OBJECTS:octet_kernels_objects>
  $<TARGET_OBJECTS:octet_runtime_objects>)
foreach(name IN LISTS backends)
  list(APPEND runtime_objects $<TARGET_OBJECTS:octet_backend_${name}>)
endforeach()

function(octet_library target public_name)
  add_library(${target} ${ARGN})
  add_library(octet::${public_name} ALIAS ${target})
  target_include_directories(${target} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # Inside the build only: a project in C has no C++ compiler to ask; octet-config.cmake asks first.
  target_compile_features(${target} INTERFACE $<BUILD_INTERFACE:cxx_std_20>)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX EXPORT_NAME ${public_name})
endfunction()

octet_library(octet_runtime runtime STATIC ${runtime_objects})
target_link_libraries(octet_runtime PRIVATE octet_pthreadpool octet_cpuinfo fmt::fmt Threads::Threads)

if(OCTET_SHARED)
  octet_library(octet_runtime_shared runtime_shared SHARED ${runtime_objects})
  set(map ${PROJECT_BINARY_DIR}/generated/octet_runtime.map)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/octet_runtime.map.in ${map} @ONLY)
  # --as-needed: optimised objects take nothing from libfmt.so, see graph/own_fmt.cpp.
  target_link_options(octet_runtime_shared PRIVATE
    LINKER:--version-script=${map} LINKER:--as-needed LINKER:--gc-sections LINKER:-z,defs)
  # Vtables and tables of rules are addresses, each with a relocation of 24 bytes; packed, they need a bit or two.
  include(CheckLinkerFlag)
  check_linker_flag(CXX LINKER:-z,pack-relative-relocs OCTET_PACKS_RELOCATIONS)
  if(OCTET_PACKS_RELOCATIONS)
    target_link_options(octet_runtime_shared PRIVATE LINKER:-z,pack-relative-relocs)
  endif()
  target_link_libraries(octet_runtime_shared PRIVATE octet_pthreadpool octet_cpuinfo fmt::fmt Threads::Threads)
  # Until 1.0 every minor version may change the interface, so it stands in the soname.
  set_target_properties(octet_runtime_shared PROPERTIES OUTPUT_NAME octet_runtime LINK_DEPENDS ${map}
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
endif()

if(NOT OCTET_RUNTIME_ONLY)
  octet_library(octet octet STATIC $<TARGET_OBJECTS:octet_onnx_objects> $<TARGET_OBJECTS:octet_quantize_objects>)
  target_link_libraries(octet PUBLIC octet_runtime PRIVATE octet_onnx_proto fmt::fmt)
  if(TARGET octet_dnnl)
    target_sources(octet PRIVATE $<TARGET_OBJECTS:octet_onednn_objects>)
    target_link_libraries(octet PRIVATE octet_dnnl)
  endif()
endif()
