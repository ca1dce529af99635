# SPDX-License-Identifier: Apache-2.0
# The include-direction gate: cmake -DROOT=<source folder> -P check_layers.cmake
# Each rule: a folder's files may include, in quotes, only headers that match; and no file outside
# the folders named last may include the given system headers. docs/tour.md shows the picture.

set(violations "")

# check(<files glob...> MAY <regex of allowed project includes> NEVER <regex of forbidden <...> includes>)
function(check)
  cmake_parse_arguments(arg "" "MAY;NEVER" "FILES" ${ARGN})
  file(GLOB files RELATIVE ${ROOT} ${arg_FILES})
  if(NOT files)
    message(FATAL_ERROR "layering rule for '${arg_FILES}' matches no file: the rule or the tree is out of date")
  endif()
  foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/${file} includes REGEX "^ *#include ")
    foreach(line IN LISTS includes)
      if(line MATCHES "#include \"([^\"]+)\"")
        set(target ${CMAKE_MATCH_1})
        if(NOT target MATCHES "^(${arg_MAY})$")
          list(APPEND violations "${file} includes \"${target}\"")
        endif()
      elseif(line MATCHES "#include <([^>]+)>")
        set(target ${CMAKE_MATCH_1})
        if(arg_NEVER AND target MATCHES "^(${arg_NEVER})")
          list(APPEND violations "${file} includes <${target}>")
        endif()
      endif()
    endforeach()
  endforeach()
  set(violations "${violations}" PARENT_SCOPE)
endfunction()

set(onnx "onnx/|google/protobuf")
set(onednn "dnnl|oneapi/dnnl")
set(flatbuffers "flatbuffers/")
set(outside "${onnx}|${onednn}|${flatbuffers}|CLI/|nlohmann/|benchmark/|catch2/")

check(FILES ${ROOT}/include/octet/*.h MAY "" NEVER "${outside}|fmt/|pthreadpool|cpuinfo|xsimd|immintrin|arm_neon")
check(FILES ${ROOT}/graph/*.h ${ROOT}/graph/*.cpp ${ROOT}/graph/ops/* ${ROOT}/graph/passes/*
            ${ROOT}/graph/quantize/observers/*
  MAY "graph/.*" NEVER "${outside}|pthreadpool|cpuinfo|xsimd")
check(FILES ${ROOT}/graph/quantize/*.h ${ROOT}/graph/quantize/*.cpp
  MAY "graph/.*" NEVER "${onnx}|${onednn}|CLI/|benchmark/|catch2/|pthreadpool|cpuinfo|xsimd")
check(FILES ${ROOT}/graph/import/* ${ROOT}/graph/export/* MAY "graph/.*" NEVER "${onednn}|CLI/|nlohmann/|pthreadpool|cpuinfo|xsimd")
check(FILES ${ROOT}/kernels/*.h ${ROOT}/kernels/*.cpp ${ROOT}/kernels/ops/* ${ROOT}/kernels/fp32/*
  MAY "kernels/.*|graph/attrs\\.h|graph/ops\\.def|backends\\.inc" NEVER "${outside}|pthreadpool|xsimd")
check(FILES ${ROOT}/kernels/onednn/* MAY "kernels/.*|graph/attrs\\.h|graph/ops\\.def" NEVER "${onnx}|CLI/|nlohmann/|pthreadpool|cpuinfo|xsimd")
check(FILES ${ROOT}/runtime/*.h ${ROOT}/runtime/*.cpp ${ROOT}/runtime/explain/* ${ROOT}/runtime/tune/* MAY "runtime/.*|kernels/.*|graph/.*" NEVER "${outside}|xsimd|cpuinfo")
check(FILES ${ROOT}/runtime/compiled/* MAY "runtime/.*|kernels/(op|backend|layer_weights)\\.h|graph/.*|octet_generated\\.h" NEVER "${outside}|xsimd|cpuinfo")
check(FILES ${ROOT}/examples/*.cpp ${ROOT}/examples/*.c MAY "" NEVER "${outside}")

# Backend folders: the contract, shared text, intrinsics, three C headers and xsimd; nothing else.
file(GLOB folders RELATIVE ${ROOT}/kernels ${ROOT}/kernels/*)
foreach(folder IN LISTS folders)
  if(IS_DIRECTORY ${ROOT}/kernels/${folder} AND NOT folder MATCHES "^(ops|fp32|onednn)$")
    check(FILES ${ROOT}/kernels/${folder}/*
      MAY "kernels/microkernels\\.h|kernels/.*\\.inl|kernels/${folder}/.*")
    file(GLOB files RELATIVE ${ROOT} ${ROOT}/kernels/${folder}/*)
    foreach(file IN LISTS files)
      file(STRINGS ${ROOT}/${file} includes REGEX "^ *#include <")
      foreach(line IN LISTS includes)
        if(NOT line MATCHES "<(stdint\\.h|stddef\\.h|string\\.h|immintrin\\.h|arm_neon\\.h|xsimd/.*)>")
          list(APPEND violations "${file}: ${line} (backend folders take C headers and intrinsics only)")
        endif()
      endforeach()
    endforeach()
  endif()
endforeach()

if(violations)
  list(JOIN violations "\n  " text)
  message(FATAL_ERROR "include direction broken (see docs/tour.md):\n  ${text}")
endif()
