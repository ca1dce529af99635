// SPDX-License-Identifier: Apache-2.0
// Float networks built layer by layer with seeded weights, as exporters write them.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/onnx_builder.h"

namespace octet::tests {

struct ConvOptions {
  std::int64_t kernel = 1, stride = 1, groups = 1, dilation = 1;
  bool norm = true;  // a BatchNormalization behind it, else a bias
};

// Each layer returns the name of what it makes.
class FloatNetwork {
 public:
  explicit FloatNetwork(int opset = 17) : model(opset) {}

  OnnxBuilder model;

  std::string op(const std::string& type, const std::vector<std::string>& inputs) {
    model.node(type, inputs, {fresh()});
    return last_;
  }
  // The same, with attributes set by `with(node)`.
  template <class With>
  std::string op(const std::string& type, const std::vector<std::string>& inputs, With with) {
    auto node = model.node(type, inputs, {fresh()});
    with(node);
    return last_;
  }
  std::string relu(const std::string& x) { return op("Relu", {x}); }

  std::string conv(const std::string& x, std::int64_t in, std::int64_t out, const ConvOptions& options = {}) {
    const std::int64_t k = options.kernel, pad = (k - 1) * options.dilation / 2;
    const auto fan_in = static_cast<float>(in / options.groups * k * k);
    std::vector<std::string> inputs{x, reals({out, in / options.groups, k, k}, std::sqrt(3 / fan_in))};
    if (!options.norm) inputs.push_back(reals({out}, 0.1F));
    const std::string y = op("Conv", inputs, [&](OnnxNodeBuilder& node) {
      node.set("kernel_shape", {k, k}).set("pads", {pad, pad, pad, pad}).set("group", options.groups);
      node.set("strides", {options.stride, options.stride}).set("dilations", {options.dilation, options.dilation});
    });
    return options.norm ? batch_norm(y, out) : y;
  }
  std::string conv_relu(const std::string& x, std::int64_t in, std::int64_t out, const ConvOptions& options = {}) {
    return relu(conv(x, in, out, options));
  }
  std::string batch_norm(const std::string& x, std::int64_t channels) {
    const std::string gamma = reals({channels}, 0.3F, 1), beta = reals({channels}, 0.2F);
    return op("BatchNormalization", {x, gamma, beta, reals({channels}, 0.1F), reals({channels}, 0.2F, 0.6F)});
  }
  std::string gemm(const std::string& x, std::int64_t in, std::int64_t out) {
    const std::string w = reals({out, in}, std::sqrt(3 / static_cast<float>(in)));
    return op("Gemm", {x, w, reals({out}, 0.1F)}, [](OnnxNodeBuilder& node) { node.set("transB", 1); });
  }
  // x (..., in) times a matrix, plus a bias: how exporters write a linear layer over tokens.
  std::string linear(const std::string& x, std::int64_t in, std::int64_t out) {
    return op("Add", {op("MatMul", {x, reals({in, out}, std::sqrt(3 / static_cast<float>(in)))}), reals({out}, 0.1F)});
  }
  std::string max_pool(const std::string& x, std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
    return op("MaxPool", {x}, [&](OnnxNodeBuilder& node) {
      node.set("kernel_shape", {kernel, kernel}).set("strides", {stride, stride}).set("pads", {pad, pad, pad, pad});
    });
  }
  std::string concat(const std::vector<std::string>& parts, int axis = 1) {
    return op("Concat", parts, [&](OnnxNodeBuilder& node) { node.set("axis", axis); });
  }
  std::string reshape(const std::string& x, const std::vector<std::int64_t>& shape) {
    return op("Reshape", {x, integers(shape)});
  }
  std::string transpose(const std::string& x, const Dims& perm) {
    return op("Transpose", {x}, [&](OnnxNodeBuilder& node) { node.set("perm", perm); });
  }
  // Global pool, two 1x1 convolutions, a gate.
  std::string squeeze_excite(const std::string& x, std::int64_t channels, const char* gate) {
    const std::string pooled = op("GlobalAveragePool", {x});
    const std::string squeezed = relu(conv(pooled, channels, channels / 4, {.norm = false}));
    return op("Mul", {x, op(gate, {conv(squeezed, channels / 4, channels, {.norm = false})})});
  }
  std::string classifier(const std::string& x, std::int64_t channels, std::int64_t classes) {
    return gemm(op("Flatten", {op("GlobalAveragePool", {x})}), channels, classes);
  }

  // Constants: uniform in middle +- spread; integers; one number.
  std::string reals(const Dims& dims, float spread, float middle = 0) {
    std::int64_t count = 1;
    for (std::int64_t dim : dims) count *= dim;
    std::vector<float> elements;
    for (std::int64_t i = 0; i < count; ++i) {
      state_ = state_ * 1664525U + 1013904223U;
      elements.push_back(middle + spread * (static_cast<float>(state_ >> 8) / 8388608.0F - 1));
    }
    model.initializer(fresh(), dims, elements);
    return last_;
  }
  std::string integers(const std::vector<std::int64_t>& elements) {
    model.initializer(fresh(), {static_cast<std::int64_t>(elements.size())}, elements);
    return last_;
  }
  std::string number(float element) {
    model.initializer<float>(fresh(), {}, {element});
    return last_;
  }

 private:
  const std::string& fresh() { return last_ = "v" + std::to_string(++count_); }
  std::string last_;
  int count_ = 0;
  std::uint32_t state_ = 2027;
};

}  // namespace octet::tests
