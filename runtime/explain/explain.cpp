// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/explain/chain.h"
#include "runtime/explain/match.h"
#include "runtime/float_environment.h"

namespace octet {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Op;
using graph::ValueId;
using runtime::FloatEnvironment;
using runtime::Site;
using runtime::Trace;

bool is_codes(const graph::Value& value) { return value.dtype == DType::u8 || value.dtype == DType::s8; }

std::string some_names(const Graph& graph) {
  constexpr std::size_t kMost = 8;
  std::string names;
  std::size_t shown = 0;
  for (const Node& node : graph.nodes) {
    if (node.op == Op::Reshape || node.op == Op::Dequantize) continue;
    if (++shown <= kMost) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", node.name);
  }
  return shown > kMost ? names + fmt::format(" and {} more", shown - kMost) : names;
}

// By name; else the maker of a value of that name, and where that only dequantizes, who made the codes.
Result<const Node*> find_node(const Graph& graph, const std::string& name) {
  // A residual add that a session joined to a convolution is called "conv+add".
  const std::string last = name.substr(name.rfind('+') == std::string::npos ? 0 : name.rfind('+') + 1);
  for (const std::string& wanted : {name, last}) {
    for (const Node& node : graph.nodes) {
      if (node.name == wanted && node.op != Op::Dequantize) return &node;
    }
    for (const Node& node : graph.nodes) {
      for (ValueId id : node.outputs) {
        if (id == kNone || graph[id].name != wanted) continue;
        if (node.op != Op::Dequantize) return &node;
        for (const Node& maker : graph.nodes) {
          if (std::ranges::count(maker.outputs, node.inputs[0]) > 0) return &maker;
        }
        return &node;
      }
    }
  }
  return Status::error(fmt::format("no operator or value is named '{}': the model has {}", name, some_names(graph)));
}

Status check_index(const Node& node, const Shape& shape, const std::vector<std::int64_t>& index) {
  bool fits = static_cast<int>(index.size()) == shape.rank();
  for (int axis = 0; fits && axis < shape.rank(); ++axis) {
    fits = index[static_cast<std::size_t>(axis)] >= 0 && index[static_cast<std::size_t>(axis)] < shape[axis];
  }
  if (fits) return {};
  return Status::error(
      fmt::format("index {} of '{}': its output has shape {}", runtime::text_of(index), node.name, to_string(shape)));
}

Status dispatch(const Site& site) {
  switch (site.node.op) {
    case Op::Conv2d:
    case Op::ConvTranspose2d:
    case Op::Dense:
    case Op::MatMul:
      return runtime::explain_sum(site);
    case Op::Binary:
      return runtime::explain_binary(site);
    case Op::Unary:
      return runtime::explain_unary(site);
    case Op::Softmax:
      return runtime::explain_softmax(site);
    case Op::Quantize:
      return runtime::explain_quantize(site);
    case Op::Dequantize:
      return runtime::explain_dequantize(site);
    case Op::Requantize:
      return runtime::explain_requantize(site);
    case Op::Pool:
      return runtime::explain_pool(site);
    case Op::ReduceMean:
    case Op::Reduce:
      return runtime::explain_reduce(site);
    case Op::ArgMax:
      return runtime::explain_arg_max(site);
    case Op::Resize:
      if (site.node.as<graph::ResizeAttrs>().mode == graph::ResizeAttrs::Mode::linear)
        return runtime::explain_resize(site);
      return runtime::explain_move(site);
    case Op::Concat:
    case Op::Reshape:
    case Op::Transpose:
    case Op::Slice:
    case Op::Split:
    case Op::Pad:
    case Op::Gather:
    case Op::Tile:
    case Op::Where:
      return runtime::explain_move(site);
    case Op::DynamicQuantize:
    case Op::DynamicDense:
    case Op::DynamicConv2d:
      return Status::error(fmt::format("'{}': its input codes are chosen during the run and not kept", site.node.name));
    default:
      return Status::error(
          fmt::format("'{}' ({}) never computes on codes", site.node.name, graph::name_of(site.node.op)));
  }
}

// The codes that the other rules make of the same input codes, each by its own kernels.
Status add_alternatives(const Site& site, SessionOptions options) {
  struct Rule {
    RequantMode mode;
    const char *name, *who;
  };
  static constexpr Rule kRules[] = {{RequantMode::fixed, "fixed", "octet"},
                                    {RequantMode::floating, "float", "ONNX Runtime on x86"},
                                    {RequantMode::floating_qnnpack, "float-qnnpack", "PyTorch's qnnpack engine"}};
  if (site.node.op == Op::Reshape) return {};  // a name for the same bytes
  std::vector<Explanation::Alternative> rules;
  for (const Rule& rule : kRules) {
    options.requant = rule.mode;
    Result<runtime::OneOp> op =
        runtime::OneOp::create(runtime::isolate(site.trace.graph(), site.node), nullptr, options);
    if (!op.ok()) return op.status();
    for (ValueId id : op->inputs()) std::ranges::copy(site.trace.bytes(id), op->input(id).begin());
    op->run();
    const auto byte = static_cast<std::uint8_t>(op->output()[static_cast<std::size_t>(site.at)]);
    const graph::Value& y = site.output();
    const std::int32_t code = y.dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
    rules.push_back({rule.name, rule.who, code, y.quant.scale[0] * static_cast<float>(code - y.quant.zero_point[0]),
                     runtime::reason_for(site.out, rule.mode, code)});
  }
  site.out.alternatives.insert(site.out.alternatives.begin(), rules.begin(), rules.end());
  return {};
}

// The float model's node: its value at this place, and its weights where they have the same shape.
struct FloatSide {
  std::optional<Trace> trace;
  const graph::Value* weights = nullptr;
  std::optional<double> value;
};

Status look_at_float(FloatSide& side, const Model& fp32, std::span<const NamedTensor> inputs, const Graph& int8,
                     const Node& node, std::int64_t at, const SessionOptions& options) {
  Result<Trace> trace = Trace::create(fp32, inputs, options);
  if (!trace.ok()) return Status::error("float model: " + trace.status().message());
  side.trace.emplace(std::move(*trace));
  if (Status status = side.trace->run(inputs); !status.ok()) return status;
  const Graph& graph = side.trace->graph();
  const runtime::Match found = runtime::match(int8, graph)[static_cast<std::size_t>(&node - int8.nodes.data())];
  if (found.value != kNone && graph[found.value].shape == int8.output(node).shape &&
      graph[found.value].dtype == DType::f32) {
    side.value = side.trace->real(found.value, at);
  }
  if (found.node < 0 || node.inputs.size() < 2) return {};
  const Node& other = graph.nodes[static_cast<std::size_t>(found.node)];
  if (!other.has_input(1) || !node.has_input(1)) return {};
  const graph::Value& w = graph.input(other, 1);
  if (w.is_constant() && w.dtype == DType::f32 && w.shape == int8.input(node, 1).shape) side.weights = &w;
  return {};
}

}  // namespace

Result<ExplainQuery> ExplainQuery::parse(std::string_view text) {
  const auto refuse = [&] {
    return Status::error(fmt::format("'{}': must be NODE[i,j,...], one index per axis", text));
  };
  const std::size_t open = text.rfind('[');
  if (open == std::string_view::npos || open == 0 || !text.ends_with(']')) return refuse();
  ExplainQuery query{std::string(text.substr(0, open)), {}};
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    const auto used = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc() || (used < rest.size() && (rest[used] != ',' || used + 1 == rest.size()))) return refuse();
    query.index.push_back(number);
    rest.remove_prefix(std::min(rest.size(), used + 1));
  }
  return query;
}

Result<Explanation> explain(const Model& model, std::span<const NamedTensor> inputs, const ExplainQuery& query,
                            const ExplainOptions& options) {
  const FloatEnvironment environment;
  Result<Trace> trace = Trace::create(model, inputs, options.session);
  if (!trace.ok()) return trace.status();
  if (Status status = trace->run(inputs); !status.ok()) return status;
  const Graph& graph = trace->graph();
  const Result<const Node*> found = find_node(graph, query.node);
  if (!found.ok()) return found.status();
  const Node& node = **found;
  const graph::Value& y = graph.output(node);
  if (Status status = check_index(node, y.shape, query.index); !status.ok()) return status;
  if (!is_codes(y) && !is_codes(graph.input(node, 0))) {
    return Status::error(fmt::format("'{}' ({}) computes in fp32: {}", node.name, graph::name_of(node.op),
                                     node.reason.empty() ? "there are no codes to explain" : node.reason));
  }
  const std::int64_t at = runtime::offset_of(y.shape, query.index);
  FloatSide float_side;
  if (options.fp32 != nullptr) {
    Status status = look_at_float(float_side, *options.fp32, inputs, graph, node, at, options.session);
    if (!status.ok()) return status;
  }

  Explanation result;
  result.node = node.name;
  result.op = graph::name_of(node.op);
  result.output = y.name;
  result.index = query.index;
  result.requant = options.session.requant;
  result.fp32 = float_side.value;
  const Site site{*trace, node, query.index, at, options.session.requant, float_side.weights, result};
  if (Status status = dispatch(site); !status.ok()) return status;
  runtime::note_operands(result);
  if (!result.is_code) {
    if (static_cast<float>(trace->real(node.outputs[0], at)) == static_cast<float>(result.real)) return result;
    return Status::error(fmt::format("'{}'{}: explained as {}, but the session gave {}: this is a bug in octet",
                                     node.name, runtime::text_of(query.index), result.real,
                                     trace->real(node.outputs[0], at)));
  }
  const std::int32_t actual = trace->code(node.outputs[0], at);
  if (actual != result.code) {
    return Status::error(fmt::format("'{}'{}: explained as code {}, but the session gave {}: this is a bug in octet",
                                     node.name, runtime::text_of(query.index), result.code, actual));
  }
  if (Status status = add_alternatives(site, options.session); !status.ok()) return status;
  return result;
}

}  // namespace octet
