// SPDX-License-Identifier: Apache-2.0
//   x -> Conv2d(w, b) -> y    becomes   x -> DynamicQuantize -> codes, sx, zx -> DynamicConv2d(codes of w, b) -> y
#include "graph/quantize/dynamic.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "graph/op.h"
#include "graph/passes/passes.h"
#include "graph/quantize/convert.h"
#include "graph/quantize/qconfig.h"
#include "graph/quantize/weights.h"

namespace octet::graph {
namespace {

bool is_plain_constant(const Value& value) {
  return value.is_constant() && value.dtype == DType::f32 && !value.is_quantized();
}

class Convert {
 public:
  Convert(const Graph& fp32, const QConfig& config) : fp32_(fp32), config_(config), graph_(fp32) {}

  Result<Graph> run() {
    for (Node& node : std::exchange(graph_.nodes, {})) {
      const bool product = node.op == Op::Conv2d || node.op == Op::Dense;
      if (product) node.reason = convert(node);
      graph_.nodes.push_back(std::move(node));
    }
    if (Status status = remove_dead(graph_); !status) return status;
    if (Status status = infer_shapes(graph_); !status) return status;
    return std::move(graph_);
  }

 private:
  // Empty, or why the node stays as it is.
  std::string convert(Node& node) {
    const OpConfig own = config_of(config_, node);
    if (own.keep_float) return "kept in fp32 by the configuration";
    if (!is_plain_constant(graph_.input(node, 1)) || (node.has_input(2) && !is_plain_constant(graph_.input(node, 2))))
      return "its weights are computed at run time";
    if (graph_.input(node, 0).dtype != DType::f32) return "its input is not float";
    Node bare = node;  // a bias stays float, so it has no say in the scales
    bare.inputs.resize(2);
    constexpr float kUnitScale = 1;
    Result<QuantizedWeights> weights =
        quantize_weights(fp32_, bare, {{kUnitScale}, {0}, -1}, DType::u8, own.weight, own.weight_observer);
    if (!weights) return weights.status().message();
    Value& w = weights->weight;
    w.name = graph_.input(node, 1).name + "_quantized";
    w.shape_known = true;
    const Codes& codes = codes_of(node.inputs[0]);
    const ValueId bias = node.has_input(2) ? node.inputs[2] : kNone;
    node.inputs = {codes.codes, codes.zero_point, graph_.add_value(std::move(w)), codes.scale};
    if (bias != kNone) node.inputs.push_back(bias);
    if (node.op == Op::Dense) {
      node.op = Op::DynamicDense;
      node.attrs = DynamicDenseAttrs{node.as<DenseAttrs>().clamp};
    } else {
      const auto attrs = node.as<Conv2dAttrs>();
      node.op = Op::DynamicConv2d;
      node.attrs = DynamicConv2dAttrs{attrs.window, attrs.groups, attrs.channels_last, attrs.clamp};
    }
    return {};
  }

  struct Codes {
    ValueId codes, scale, zero_point;
  };

  const Codes& codes_of(ValueId x) {
    const auto [found, is_new] = codes_.try_emplace(x);
    if (!is_new) return found->second;
    const auto add = [&](const char* suffix, DType dtype) {
      Value value;
      value.name = fmt::format("{}_{}", graph_[x].name, suffix);
      value.dtype = dtype;
      return graph_.add_value(std::move(value));
    };
    found->second = {add("quantized", DType::u8), add("scale", DType::f32), add("zero_point", DType::u8)};
    const auto& [codes, scale, zero_point] = found->second;
    graph_.nodes.push_back(
        {graph_[x].name + "/quantize", Op::DynamicQuantize, {x}, {codes, scale, zero_point}, {}, {}});
    return found->second;
  }

  const Graph& fp32_;
  const QConfig& config_;
  Graph graph_;
  std::map<ValueId, Codes> codes_;  // by float value
};

}  // namespace

Result<Graph> convert_dynamic(const Graph& fp32, const QConfig& config) {
  if (Status status = check_config(config, fp32); !status) return status;
  if (is_quantized(fp32)) return Status::error("model is quantized already: dynamic quantization takes a float model");
  return Convert(fp32, config).run();
}

}  // namespace octet::graph
