// SPDX-License-Identifier: Apache-2.0
// PyTorch's qnnpack engine as judge: the networks that tests/golden/torch_layers.py recorded, layer by layer.
#include <cstdlib>
#include <map>

#include "tests/quantize/golden.h"
#include "tests/support/codes_graph.h"

using namespace octet;
using graph::Op;
using test::CodesGraph;

namespace {

std::vector<std::uint8_t> from_hex(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

Shape shape_of(const nlohmann::json& dims) {
  Shape shape;
  for (const auto& dim : dims) shape.push_back(dim.get<std::int64_t>());
  return shape;
}

graph::Clamp clamp_of(const nlohmann::json& layer) {
  return layer.value("relu", false) ? graph::Clamp{0, graph::Clamp{}.hi} : graph::Clamp{};
}

graph::Attrs attributes(const nlohmann::json& layer, const Shape& weight) {
  const std::string op = layer.at("op");
  if (op == "conv") {
    graph::Conv2dAttrs attrs;
    const std::int64_t stride = layer.at("stride"), pad = layer.at("pad");
    attrs.window.kernel = {weight[2], weight[3]};
    attrs.window.stride = {stride, stride};
    attrs.window.pad_begin = attrs.window.pad_end = {pad, pad};
    attrs.groups = layer.at("groups");
    attrs.clamp = clamp_of(layer);
    return attrs;
  }
  if (op == "linear") return graph::DenseAttrs{clamp_of(layer)};
  if (op == "add") return graph::BinaryAttrs{graph::BinaryFn::add, clamp_of(layer)};
  graph::PoolAttrs attrs;
  attrs.kind = op == "max_pool" ? graph::PoolKind::max : graph::PoolKind::average;
  const std::int64_t stride = layer.at("stride");
  attrs.window.kernel = {layer.at("kernel").at(0), layer.at("kernel").at(1)};
  attrs.window.stride = {stride, stride};
  return attrs;
}

Op op_of(const std::string& op) {
  if (op == "conv") return Op::Conv2d;
  if (op == "linear") return Op::Dense;
  return op == "add" ? Op::Binary : Op::Pool;
}

// The codes that octet gives for the recorded input codes of one layer.
std::vector<std::uint8_t> octet_codes(const nlohmann::json& network, const nlohmann::json& layer, RequantMode mode) {
  CodesGraph b;
  std::vector<graph::ValueId> inputs;
  std::vector<std::vector<std::uint8_t>> codes;
  for (const auto& index : layer.at("inputs")) {
    const auto& tensor = network.at("tensors").at(index.get<std::size_t>());
    inputs.push_back(b.input("x" + std::to_string(inputs.size()), shape_of(tensor.at("shape")),
                             test::from_bits(tensor.at("scale").get<std::string>()), tensor.at("zero_point")));
    codes.push_back(from_hex(tensor.at("codes")));
  }
  Shape weight;
  if (layer.contains("weight")) {
    weight = shape_of(layer.at("weight_shape"));
    std::vector<std::int8_t> w;
    for (std::uint8_t byte : from_hex(layer.at("weight"))) w.push_back(static_cast<std::int8_t>(byte));
    inputs.push_back(
        b.weights("w", weight, w, test::from_bits(layer.at("weight_scale").get<std::vector<std::string>>())));
    inputs.push_back(b.reals("b", {weight[0]}, test::from_bits(layer.at("bias").get<std::vector<std::string>>())));
  }
  const auto& y = network.at("tensors").at(layer.at("output").get<std::size_t>());
  const graph::ValueId out = b.node("y", op_of(layer.at("op")), inputs, attributes(layer, weight),
                                    test::from_bits(y.at("scale").get<std::string>()), y.at("zero_point"));
  SessionOptions options;
  options.requant = mode;
  options.threads = 1;
  return test::run_codes(b.finish({out}), codes, options);
}

}  // namespace

TEST_CASE("PyTorch's qnnpack engine: conv and linear code for code, add and pool within one", "[torch]") {
  const nlohmann::json file = test::golden("torch_layers.json");
  CHECK(file.at("engine") == "qnnpack");
  std::map<std::string, int> layers, codes, different;
  for (const auto& network : file.at("networks")) {
    for (const auto& layer : network.at("layers")) {
      const std::string op = layer.at("op");
      const auto& y = network.at("tensors").at(layer.at("output").get<std::size_t>());
      const std::vector<std::uint8_t> expected = from_hex(y.at("codes"));
      const std::vector<std::uint8_t> actual = octet_codes(network, layer, RequantMode::floating_qnnpack);
      INFO("network " << network.at("seed") << ", output " << layer.at("output") << ", " << op);
      REQUIRE(actual.size() == expected.size());
      const bool exact = op == "conv" || op == "linear" || op == "max_pool";
      for (std::size_t i = 0; i < actual.size(); ++i) {
        const int apart = std::abs(actual[i] - expected[i]);
        if (apart > (exact ? 0 : 1))
          FAIL_CHECK("element " << i << ": octet " << +actual[i] << ", torch " << +expected[i]);
        different[op] += apart != 0 ? 1 : 0;
      }
      ++layers[op];
      codes[op] += static_cast<int>(actual.size());
    }
  }
  for (const auto& [op, count] : layers) {
    UNSCOPED_INFO(op << ": " << count << " layers, " << different[op] << " of " << codes[op] << " codes differ");
  }
  CHECK(layers["conv"] >= 40);
  CHECK(layers["linear"] >= 20);
  CHECK(layers["add"] >= 10);
  CHECK(layers["average_pool"] >= 10);
  CHECK(different["add"] * 1000 <= codes["add"]);  // ties, which that engine rounds its own way
}

TEST_CASE("the default rounding stays within one code of PyTorch everywhere", "[torch]") {
  const nlohmann::json file = test::golden("torch_layers.json");
  for (const auto& network : file.at("networks")) {
    for (const auto& layer : network.at("layers")) {
      const auto& y = network.at("tensors").at(layer.at("output").get<std::size_t>());
      const std::vector<std::uint8_t> expected = from_hex(y.at("codes"));
      const std::vector<std::uint8_t> actual = octet_codes(network, layer, RequantMode::fixed);
      INFO("network " << network.at("seed") << ", output " << layer.at("output"));
      int most = 0;
      for (std::size_t i = 0; i < actual.size(); ++i) most = std::max(most, std::abs(actual[i] - expected[i]));
      CHECK(most <= 1);
    }
  }
}
