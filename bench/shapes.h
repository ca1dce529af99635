// SPDX-License-Identifier: Apache-2.0
// The layers that benchmarks time: every convolution of ResNet-50 and MobileNetV2 at 224x224, batch
// 1, and the matrix products of a transformer encoder. `times` says how often a network has a layer.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace octet::bench {

struct ConvShape {
  const char* name;
  std::int64_t size, in, out, kernel, stride, groups;  // size: width of the input, and its height
  int times;
  std::int64_t rows = 0;  // height where it differs: a matrix product is a 1x1 convolution over one row of pixels

  std::int64_t pad() const { return kernel / 2; }
  std::int64_t height() const { return rows == 0 ? size : rows; }
  std::int64_t out_size() const { return out_of(size); }
  std::int64_t pixels() const { return out_of(height()) * out_size(); }
  double macs() const { return static_cast<double>(pixels() * out * (in / groups) * kernel * kernel); }

 private:
  std::int64_t out_of(std::int64_t side) const { return (side + 2 * pad() - kernel) / stride + 1; }
};

inline constexpr ConvShape kResNet50[] = {
    {"conv1 7x7/2", 224, 3, 64, 7, 2, 1, 1},     {"res2 1x1 64", 56, 64, 64, 1, 1, 1, 1},
    {"res2 3x3 64", 56, 64, 64, 3, 1, 1, 3},     {"res2 1x1 64-256", 56, 64, 256, 1, 1, 1, 4},
    {"res2 1x1 256-64", 56, 256, 64, 1, 1, 1, 2}, {"res3 1x1 256-128", 56, 256, 128, 1, 1, 1, 1},
    {"res3 3x3/2 128", 56, 128, 128, 3, 2, 1, 1}, {"res3 1x1 128-512", 28, 128, 512, 1, 1, 1, 4},
    {"res3 1x1/2 256-512", 56, 256, 512, 1, 2, 1, 1}, {"res3 1x1 512-128", 28, 512, 128, 1, 1, 1, 3},
    {"res3 3x3 128", 28, 128, 128, 3, 1, 1, 3},  {"res4 1x1 512-256", 28, 512, 256, 1, 1, 1, 1},
    {"res4 3x3/2 256", 28, 256, 256, 3, 2, 1, 1}, {"res4 1x1 256-1024", 14, 256, 1024, 1, 1, 1, 6},
    {"res4 1x1/2 512-1024", 28, 512, 1024, 1, 2, 1, 1}, {"res4 1x1 1024-256", 14, 1024, 256, 1, 1, 1, 5},
    {"res4 3x3 256", 14, 256, 256, 3, 1, 1, 5},  {"res5 1x1 1024-512", 14, 1024, 512, 1, 1, 1, 1},
    {"res5 3x3/2 512", 14, 512, 512, 3, 2, 1, 1}, {"res5 1x1 512-2048", 7, 512, 2048, 1, 1, 1, 3},
    {"res5 1x1/2 1024-2048", 14, 1024, 2048, 1, 2, 1, 1}, {"res5 1x1 2048-512", 7, 2048, 512, 1, 1, 1, 2},
    {"res5 3x3 512", 7, 512, 512, 3, 1, 1, 2},
};

inline constexpr ConvShape kMobileNetV2Depthwise[] = {
    {"dw 112 32", 112, 32, 32, 3, 1, 32, 1},    {"dw 112/2 96", 112, 96, 96, 3, 2, 96, 1},
    {"dw 56 144", 56, 144, 144, 3, 1, 144, 1},  {"dw 56/2 144", 56, 144, 144, 3, 2, 144, 1},
    {"dw 28 192", 28, 192, 192, 3, 1, 192, 2},  {"dw 28/2 192", 28, 192, 192, 3, 2, 192, 1},
    {"dw 14 384", 14, 384, 384, 3, 1, 384, 4},  {"dw 14 576", 14, 576, 576, 3, 1, 576, 2},
    {"dw 14/2 576", 14, 576, 576, 3, 2, 576, 1}, {"dw 7 960", 7, 960, 960, 3, 1, 960, 3},
};

inline constexpr ConvShape kMobileNetV2[] = {
    {"conv1 3x3/2", 224, 3, 32, 3, 2, 1, 1},   {"pw 112 32-16", 112, 32, 16, 1, 1, 1, 1},
    {"pw 112 16-96", 112, 16, 96, 1, 1, 1, 1}, {"pw 56 96-24", 56, 96, 24, 1, 1, 1, 1},
    {"pw 56 24-144", 56, 24, 144, 1, 1, 1, 2}, {"pw 56 144-24", 56, 144, 24, 1, 1, 1, 1},
    {"pw 28 144-32", 28, 144, 32, 1, 1, 1, 1}, {"pw 28 32-192", 28, 32, 192, 1, 1, 1, 3},
    {"pw 28 192-32", 28, 192, 32, 1, 1, 1, 2}, {"pw 14 192-64", 14, 192, 64, 1, 1, 1, 1},
    {"pw 14 64-384", 14, 64, 384, 1, 1, 1, 4}, {"pw 14 384-64", 14, 384, 64, 1, 1, 1, 3},
    {"pw 14 384-96", 14, 384, 96, 1, 1, 1, 1}, {"pw 14 96-576", 14, 96, 576, 1, 1, 1, 3},
    {"pw 14 576-96", 14, 576, 96, 1, 1, 1, 2}, {"pw 7 576-160", 7, 576, 160, 1, 1, 1, 1},
    {"pw 7 160-960", 7, 160, 960, 1, 1, 1, 3}, {"pw 7 960-160", 7, 960, 160, 1, 1, 1, 2},
    {"pw 7 960-320", 7, 960, 320, 1, 1, 1, 1}, {"pw 7 320-1280", 7, 320, 1280, 1, 1, 1, 1},
};

// 128 tokens, hidden 768: rows x in x out as 1x1 convolutions over a 1-wide image would be the same
// work; written as convolutions so that one harness times everything. 121 = 11 * 11 rows.
inline constexpr ConvShape kTransformer[] = {
    {"qkv 768-2304", 11, 768, 2304, 1, 1, 1, 1},
    {"out 768-768", 11, 768, 768, 1, 1, 1, 1},
    {"mlp 768-3072", 11, 768, 3072, 1, 1, 1, 1},
    {"mlp 3072-768", 11, 3072, 768, 1, 1, 1, 1},
};

struct Network {
  const char* name;
  std::span<const ConvShape> layers;
};
inline constexpr Network kNetworks[] = {{"resnet50", kResNet50},
                                        {"mobilenet_v2", kMobileNetV2},
                                        {"mobilenet_v2_depthwise", kMobileNetV2Depthwise},
                                        {"transformer", kTransformer}};

}  // namespace octet::bench
