// SPDX-License-Identifier: Apache-2.0
// A network of MobileNetV2's shape, 224x224, as a QDQ file made from integers alone: pseudo-random
// weights, scales that are literals times an exact square root, no calibration and no float
// training. The same bytes on every machine, so its output codes can be compared between CPUs.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/onnx_builder.h"

namespace octet::tests {

class MobileNetV2 {
 public:
  enum class Precision { int8, fp32 };  // fp32: the same network without a quantization
  explicit MobileNetV2(Precision precision = Precision::int8) : fp32_(precision == Precision::fp32) {}
  // For images of `size` x `size`; the committed hashes are those of 224.
  explicit MobileNetV2(std::int64_t size) : size_(size) {}

  std::string build() {
    if (fp32_) {
      builder_.input<float>("image", {1, 3, size_, size_});
    } else {
      builder_.input<std::uint8_t>("image_codes", {1, 3, size_, size_});
      dequantize("image", 0.02F, 114);
    }
    std::string x = conv("stem", "image", 3, 32, 3, 2, 1, true);
    std::int64_t channels = 32;
    struct Stage {
      int expand;
      std::int64_t out;
      int blocks, stride;
    };
    constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2},
                                 {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    for (const Stage& stage : kStages) {
      for (int block = 0; block < stage.blocks; ++block) {
        x = inverted_residual(x, channels, stage.expand, stage.out, block == 0 ? stage.stride : 1);
        channels = stage.out;
      }
    }
    x = conv("head", x, channels, 1280, 1, 1, 1, true);
    builder_.node("GlobalAveragePool", {x}, {"pool_raw"});
    quantize("pool", "pool_raw", 0.01F, 0);
    builder_.node("Flatten", {"pool"}, {"flat"});
    weights("fc", {1000, 1280}, 0.01F);
    builder_.node("Gemm", {"flat", "fc_w", "fc_b"}, {"fc_raw"}).set("transB", 1);
    quantize("fc", "fc_raw", 0.05F, 120);
    builder_.output(fp32_ ? "fc" : "fc_codes");
    return builder_.bytes();
  }

  // Image number `seed`, (3, 224, 224) codes.
  static std::vector<std::uint8_t> image(std::uint32_t seed) {
    std::vector<std::uint8_t> codes(3 * 224 * 224);
    for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(next(seed) >> 24);
    return codes;
  }

 private:
  static std::uint32_t next(std::uint32_t& state) { return state = state * 1664525U + 1013904223U; }

  std::string inverted_residual(const std::string& x, std::int64_t in, int expand, std::int64_t out, int stride) {
    const std::string name = "block" + std::to_string(++blocks_);
    std::string y = x;
    if (expand > 1) y = conv(name + "_expand", y, in, in * expand, 1, 1, 1, true);
    y = conv(name + "_depthwise", y, in * expand, in * expand, 3, stride, in * expand, true);
    y = conv(name + "_project", y, in * expand, out, 1, 1, 1, false);
    if (stride != 1 || in != out) return y;
    builder_.node("Add", {x, y}, {name + "_add_raw"});
    return quantize(name + "_add", name + "_add_raw", 0.03F, 125);
  }

  std::string conv(const std::string& name, const std::string& x, std::int64_t in, std::int64_t out, int kernel,
                   int stride, std::int64_t groups, bool relu6) {
    const std::int64_t pad = kernel / 2;
    weights(name, {out, in / groups, kernel, kernel}, 0.02F);
    builder_.node("Conv", {x, name + "_w", name + "_b"}, {name + "_raw"})
        .set("pads", {pad, pad, pad, pad})
        .set("strides", {stride, stride})
        .set("group", groups);
    if (!relu6) return quantize(name, name + "_raw", 0.021F, 130);
    builder_.node("Clip", {name + "_raw", "zero", "six"}, {name + "_clip"});
    if (blocks_ == 0 && name == "stem") builder_.initializer<float>("zero", {}, {0.0F}).initializer<float>("six", {}, {6.0F});
    return quantize(name, name + "_clip", 0.0235294F, 0);
  }

  // Weights whose sums keep about the spread of their inputs: codes uniform in [-127, 127] have a
  // standard deviation of 73.6, so a scale of c / (73.6 * sqrt(k)) gives sums of c times the input.
  void weights(const std::string& name, const Dims& dims, float bias_real) {
    std::int64_t count = 1;
    for (std::int64_t dim : dims) count *= dim;
    const auto k = static_cast<float>(count / dims[0]);
    std::vector<std::int8_t> codes;
    for (std::int64_t i = 0; i < count; ++i) codes.push_back(static_cast<std::int8_t>(static_cast<int>((next(state_) >> 16) % 255) - 127));
    std::vector<float> scale, bias;
    for (std::int64_t o = 0; o < dims[0]; ++o) {
      scale.push_back(1.5F / (73.6F * std::sqrt(k)) * (0.75F + static_cast<float>(next(state_) >> 24) / 512.0F));
      bias.push_back((static_cast<float>(next(state_) >> 24) - 120.0F) * bias_real);
    }
    if (fp32_) {
      std::vector<float> reals;
      for (std::size_t i = 0; i < codes.size(); ++i) reals.push_back(codes[i] * scale[i / static_cast<std::size_t>(count / dims[0])]);
      builder_.initializer<float>(name + "_w", dims, reals);
    } else {
      builder_.dequantized<std::int8_t>(name + "_w", dims, codes, scale);
    }
    builder_.initializer<float>(name + "_b", {dims[0]}, bias);
  }

  void dequantize(const std::string& name, float scale, std::uint8_t zero) {
    builder_.initializer<float>(name + "_s", {}, {scale}).initializer<std::uint8_t>(name + "_z", {}, {zero});
    builder_.node("DequantizeLinear", {name + "_codes", name + "_s", name + "_z"}, {name});
  }
  std::string quantize(const std::string& name, const std::string& from, float scale, std::uint8_t zero) {
    if (fp32_) return builder_.node("Identity", {from}, {name}), name;
    dequantize(name, scale, zero);
    builder_.node("QuantizeLinear", {from, name + "_s", name + "_z"}, {name + "_codes"});
    return name;
  }

  std::int64_t size_ = 224;
  OnnxBuilder builder_{13};
  bool fp32_ = false;
  std::uint32_t state_ = 2026;
  int blocks_ = 0;
};

}  // namespace octet::tests
