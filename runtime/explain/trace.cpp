// SPDX-License-Identifier: Apache-2.0
#include "runtime/explain/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "graph/passes/passes.h"
#include "runtime/float_environment.h"

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Value;
using graph::ValueId;

const NamedTensor* find(std::span<const NamedTensor> tensors, const std::string& name, std::size_t inputs) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name == name || (tensor.name.empty() && inputs == 1)) return &tensor;
  }
  return nullptr;
}

// Integer inputs come as floats too, as NamedTensor has nothing else.
template <class T>
Status copy_integers(const NamedTensor& given, const TensorInfo& info, std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < given.values.size(); ++i) {
    const double x = given.values[i];
    if (x != std::trunc(x) || x < static_cast<double>(std::numeric_limits<T>::lowest()) ||
        x >= std::ldexp(1.0, std::numeric_limits<T>::digits)) {
      return Status::error(
          fmt::format("input '{}': {} at element {}: {} has no such number", info.name, x, i, name_of(info.dtype)));
    }
    const T element = static_cast<T>(x);
    std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
  }
  return {};
}

Status fill(const NamedTensor& given, const TensorInfo& info, std::span<std::byte> bytes) {
  if (!(given.shape == info.shape) || given.values.size() * size_of(info.dtype) != bytes.size()) {
    return Status::error(fmt::format("input '{}': {} values of shape {}: must be {}", info.name, given.values.size(),
                                     to_string(given.shape), to_string(info.shape)));
  }
  switch (info.dtype) {
    case DType::f32:
      std::ranges::copy(std::as_bytes(given.values), bytes.begin());
      return {};
    case DType::u8:
    case DType::boolean:
      return copy_integers<std::uint8_t>(given, info, bytes);
    case DType::s8:
      return copy_integers<std::int8_t>(given, info, bytes);
    case DType::s32:
      return copy_integers<std::int32_t>(given, info, bytes);
    case DType::s64:
      return copy_integers<std::int64_t>(given, info, bytes);
  }
  return {};
}

// The real form of a constant: itself, dequantized, or for a bias in the units of the accumulator
// with the scales that these are.
Result<Value> real_constant(const Graph& graph, const graph::Node& node, const Value& value) {
  if (value.dtype == DType::f32) return value;
  if (!value.is_quantized() && value.dtype != DType::s32) return value;  // indices, sizes
  Quant quant = value.quant;
  if (!value.is_quantized()) {
    const Quant &x = graph.input(node, 0).quant, &w = graph.input(node, 1).quant;
    if (x.scale.empty() || w.scale.empty()) return value;
    for (float scale : w.scale) quant.scale.push_back(x.scale[0] * scale);
    quant.zero_point.assign(quant.scale.size(), 0);
    quant.axis = quant.scale.size() > 1 ? 0 : -1;
  }
  const std::int64_t inner =
      quant.per_tensor() ? value.shape.count() : value.shape.count(quant.axis + 1, value.shape.rank());
  std::vector<float> reals;
  for (std::int64_t i = 0; i < value.shape.count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::size_t entry = static_cast<std::size_t>(i / inner) % quant.scale.size();
    std::int64_t code = 0;
    if (value.dtype == DType::u8) code = value.as<std::uint8_t>()[at];
    if (value.dtype == DType::s8) code = value.as<std::int8_t>()[at];
    if (value.dtype == DType::s32) code = value.as<std::int32_t>()[at];
    reals.push_back(quant.scale[entry] * static_cast<float>(code - quant.zero_point[entry]));
  }
  return Graph::make_constant(value.name, DType::f32, value.shape, std::as_bytes(std::span<const float>(reals)));
}

bool is_conversion(graph::Op op) {
  return op == graph::Op::Quantize || op == graph::Op::Dequantize || op == graph::Op::Requantize;
}

}  // namespace

Result<Trace> Trace::create(const Model& model, std::span<const NamedTensor> inputs, SessionOptions options) {
  const FloatEnvironment environment;
  // The graphs below are models of their own, which know nothing of the file.
  if (Status status = model.impl().weights->before_reading_all(); !status.ok()) return status;
  Graph graph = model.impl().graph;
  options.input_shapes.clear();
  for (ValueId id : graph.inputs) {
    const NamedTensor* given = find(inputs, graph[id].name, graph.inputs.size());
    if (given == nullptr) return Status::error(fmt::format("input '{}' is not given", graph[id].name));
    options.input_shapes[graph[id].name] = given->shape;
  }
  if (Status status = graph::bind_shapes(graph, options.input_shapes); !status.ok()) return status;
  Graph tapped = graph;
  tapped.outputs.clear();
  for (const graph::Node& node : graph.nodes) {
    for (ValueId id : node.outputs) {
      if (id != kNone) tapped.outputs.push_back(id);
    }
  }
  const std::vector<ValueId> outputs = tapped.outputs;
  Result<Session> session = Session::create(make_model(std::move(tapped), model.impl().float_prepare), options);
  if (!session.ok()) return session.status();
  Trace trace(std::move(graph), std::move(*session));
  for (std::size_t i = 0; i < outputs.size(); ++i) trace.output_[outputs[i]] = i;
  return trace;
}

Status Trace::run(std::span<const NamedTensor> inputs) {
  for (std::size_t i = 0; i < session_.inputs().size(); ++i) {
    const TensorInfo& info = session_.inputs()[i];
    const NamedTensor* given = find(inputs, info.name, session_.inputs().size());
    if (given == nullptr) return Status::error(fmt::format("input '{}' is not given", info.name));
    if (Status status = fill(*given, info, session_.input_bytes(i)); !status.ok()) return status;
  }
  session_.run();
  return {};
}

std::span<const std::byte> Trace::bytes(ValueId id) const {
  const Value& value = graph_[id];
  if (value.is_constant()) {
    return {value.data.get(), static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype)};
  }
  const auto input = std::ranges::find(graph_.inputs, id);
  if (input != graph_.inputs.end()) {
    return const_cast<Session&>(session_).input_bytes(static_cast<std::size_t>(input - graph_.inputs.begin()));
  }
  return session_.output_bytes(output_.at(id));
}

std::int32_t Trace::code(ValueId id, std::int64_t at) const {
  const auto byte = static_cast<std::uint8_t>(bytes(id)[static_cast<std::size_t>(at)]);
  return graph_[id].dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
}

double Trace::real(ValueId id, std::int64_t at) const {
  const Value& value = graph_[id];
  if (value.dtype == DType::f32) {
    float element;
    std::memcpy(&element, bytes(id).data() + static_cast<std::size_t>(at) * sizeof(float), sizeof(float));
    return element;
  }
  if (value.dtype == DType::s64) {
    std::int64_t element;
    std::memcpy(&element, bytes(id).data() + static_cast<std::size_t>(at) * sizeof(element), sizeof(element));
    return static_cast<double>(element);
  }
  const Quant& quant = value.quant;
  std::size_t entry = 0;
  if (!quant.per_tensor()) {
    entry =
        static_cast<std::size_t>(at / value.shape.count(quant.axis + 1, value.shape.rank()) % value.shape[quant.axis]);
  }
  return quant.scale[entry] * static_cast<float>(code(id, at) - quant.zero_point[entry]);
}

std::vector<float> Trace::reals(ValueId id) const {
  const Value& value = graph_[id];
  const std::span<const std::byte> memory = bytes(id);
  std::vector<float> all(static_cast<std::size_t>(value.shape.count()));
  if (value.dtype == DType::f32) {
    std::memcpy(all.data(), memory.data(), memory.size());
    return all;
  }
  float table[256];  // activations have one scale
  for (int byte = 0; byte < 256; ++byte) {
    const int code = value.dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
    table[byte] = value.quant.scale[0] * static_cast<float>(code - value.quant.zero_point[0]);
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = table[static_cast<std::uint8_t>(memory[i])];
  return all;
}

Graph isolate(const Graph& graph, const graph::Node& node) {
  Graph one;
  one.name = node.name;
  one.values = graph.values;  // constants are shared, so this copies no elements
  one.nodes = {node};
  for (ValueId id : node.inputs) {
    if (id == kNone || graph[id].is_constant() || std::ranges::count(one.inputs, id) > 0) continue;
    one.inputs.push_back(id);
  }
  one.outputs = node.outputs;
  return one;
}

Result<Graph> isolate_real(const Graph& graph, const graph::Node& node, const std::map<ValueId, Value>& instead) {
  Graph one = isolate(graph, node);
  std::set<ValueId> touched(node.inputs.begin(), node.inputs.end());
  touched.insert(node.outputs.begin(), node.outputs.end());
  touched.erase(kNone);
  for (ValueId id : touched) {
    Value& value = one[id];
    if (const auto other = instead.find(id); other != instead.end()) {
      const std::string name = value.name;
      value = other->second;
      value.name = name;
    } else if (value.is_constant()) {
      Result<Value> real = real_constant(graph, node, value);
      if (!real.ok()) return real.status();
      value = std::move(*real);
      value.shape_known = true;
    } else if (value.is_quantized()) {
      value.dtype = DType::f32;
      value.quant = {};
    }
  }
  if (is_conversion(node.op)) {
    graph::UnaryAttrs clip{graph::UnaryFn::clip, 0, 0, {}};
    if (const auto* attrs = std::get_if<graph::QuantizeAttrs>(&node.attrs)) clip.clip = attrs->clamp;
    one.nodes[0].op = graph::Op::Unary;
    one.nodes[0].attrs = clip;
  }
  return one;
}

Result<OneOp> OneOp::create(Graph isolated, kernels::PrepareFn float_prepare, const SessionOptions& options) {
  std::vector<ValueId> inputs = isolated.inputs;
  SessionOptions own = options;
  own.input_shapes.clear();
  Result<Session> session = Session::create(make_model(std::move(isolated), float_prepare), own);
  if (!session.ok()) return session.status();
  return OneOp(std::move(inputs), std::move(*session));
}

std::span<std::byte> OneOp::input(ValueId id) {
  const auto found = std::ranges::find(inputs_, id);
  if (found == inputs_.end()) return {};
  return session_.input_bytes(static_cast<std::size_t>(found - inputs_.begin()));
}

}  // namespace octet::runtime
