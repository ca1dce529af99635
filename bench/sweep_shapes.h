// SPDX-License-Identifier: Apache-2.0
// The shapes of bench/sweep.cpp: far more than any network has, odd sizes among them, so that a shape at
// which a kernel or a blocking choice falls over shows before a user finds it.
#pragma once

#include <string_view>
#include <vector>

#include "bench/shapes.h"

namespace octet::bench {

// Below, a run is over before its speed says something; above, it would say what smaller ones have said.
inline constexpr double kLeastMacs = 10e6, kMostMacs = 400e6;

inline void add_if_fitting(std::vector<ConvShape>& shapes, const ConvShape& shape) {
  if (shape.macs() >= kLeastMacs && shape.macs() <= kMostMacs) shapes.push_back(shape);
}

// (m, k) times (k, n)
inline std::vector<ConvShape> gemm_shapes() {
  std::vector<ConvShape> shapes;
  for (std::int64_t m : {1, 2, 7, 16, 49, 128, 197, 1000, 1024, 4096}) {
    for (std::int64_t k : {1, 16, 27, 64, 100, 255, 256, 768, 1025, 3072, 4096}) {
      for (std::int64_t n : {1, 3, 16, 33, 64, 100, 144, 255, 512, 1000, 3072, 4096}) {
        add_if_fitting(shapes, {"", m, k, n, 1, 1, 1, 1, 1});
      }
    }
  }
  return shapes;
}

inline std::vector<ConvShape> conv_shapes() {
  constexpr std::int64_t kChannels[][2] = {
      {3, 16},   {3, 64},   {4, 32},   {13, 29},   {16, 16},   {16, 64},   {16, 96},   {24, 144},  {32, 32},
      {32, 192}, {33, 65},  {48, 96},  {64, 64},   {64, 256},  {96, 24},   {100, 100}, {127, 129}, {128, 128},
      {144, 32}, {192, 64}, {256, 64}, {255, 257}, {256, 256}, {256, 512}, {512, 64},  {512, 512}};
  std::vector<ConvShape> shapes;
  for (std::int64_t size : {7, 13, 14, 28, 56, 112}) {
    for (std::int64_t kernel : {1, 3, 5}) {
      for (std::int64_t stride : {1, 2}) {
        for (const auto& [in, out] : kChannels) add_if_fitting(shapes, {"", size, in, out, kernel, stride, 1, 1});
      }
    }
  }
  return shapes;
}

// Depthwise and grouped.
inline std::vector<ConvShape> grouped_shapes() {
  std::vector<ConvShape> shapes;
  for (std::int64_t size : {7, 14, 28, 56, 112}) {
    for (std::int64_t kernel : {1, 3, 5, 7}) {
      for (std::int64_t stride : {1, 2}) {
        for (std::int64_t channels : {32, 96, 100, 128, 256, 512, 960}) {
          for (std::int64_t groups : {2, 4, 32}) {
            if (channels % groups == 0 && channels > groups) {
              add_if_fitting(shapes, {"", size, channels, channels, kernel, stride, groups, 1});
            }
          }
          if (kernel > 1) add_if_fitting(shapes, {"", size, channels, channels, kernel, stride, channels, 1});
        }
      }
    }
  }
  return shapes;
}

inline std::vector<ConvShape> sweep_shapes(std::string_view kind) {
  return kind == "gemm" ? gemm_shapes() : kind == "conv" ? conv_shapes() : grouped_shapes();
}

}  // namespace octet::bench
