// SPDX-License-Identifier: Apache-2.0
// Each int8 operator beside the float model's, and its error taken apart by running it in float on
// inputs and weights that get worse one by one:
//
//   A0 float result                 A1 inputs rounded to codes   -> A1 - A0  input
//   A2 the int8 model's own inputs  -> A2 - A1  upstream         A3 the int8 model's weights  -> A3 - A2  weights
//   A4 int8 result                  -> A4 - A3  requantization
#include <fmt/format.h>
#include <octet/compare.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "graph/quantize/codes.h"
#include "runtime/explain/match.h"
#include "runtime/explain/trace.h"
#include "runtime/float_environment.h"
#include "runtime/ledger.h"

namespace octet {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Op;
using graph::Value;
using graph::ValueId;
using runtime::FloatEnvironment;
using runtime::OneOp;
using runtime::Trace;

bool is_codes(const Value& value) { return value.dtype == DType::u8 || value.dtype == DType::s8; }

// An activation input of an int8 operator, and the float model's value in its place.
struct InputPair {
  ValueId int8, fp32;
};

struct Sums {
  double signal = 0, error = 0, dot = 0, int8_signal = 0, max_error = 0;
  double parts[4] = {0, 0, 0, 0};  // input, upstream, weights, requantization
  std::int64_t clipped = 0, codes = 0;
};

struct Row {
  std::size_t node;
  ValueId reference;              // of the float graph
  std::vector<InputPair> inputs;  // empty: not taken apart
  std::optional<OneOp> on_fp32_weights, on_int8_weights;
  bool is_conversion = false;
  Sums sums;
};

void set_input(OneOp& op, ValueId id, const std::vector<float>& values) {
  const auto bytes = std::as_bytes(std::span(values));
  std::ranges::copy(bytes, op.input(id).begin());
}

std::vector<float> run(OneOp& op) {
  op.run();
  std::vector<float> result(op.output().size() / sizeof(float));
  std::memcpy(result.data(), op.output().data(), op.output().size());
  return result;
}

// Rounded to the codes of `value` and back.
std::vector<float> rounded_to(const Value& value, std::vector<float> reals) {
  if (!is_codes(value)) return reals;
  const float scale = value.quant.scale[0];
  const std::int32_t zero = value.quant.zero_point[0];
  for (float& x : reals) {
    x = graph::dequantize_value(graph::quantize_value(x, scale, zero, graph::bounds_of(value.dtype)), scale, zero);
  }
  return reals;
}

double squares(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return sum;
}

// Codes whose real value has none: beyond half a step behind the last one.
std::int64_t beyond(const Value& value, const std::vector<float>& reals) {
  const graph::CodeBounds bounds = graph::bounds_of(value.dtype);
  const double scale = value.quant.scale[0], zero = value.quant.zero_point[0];
  const double lo = scale * (bounds.min - zero - 0.5001), hi = scale * (bounds.max - zero + 0.5001);
  return std::ranges::count_if(reals, [&](float x) { return x < lo || x > hi; });
}

}  // namespace

struct Comparison::Impl {
  Model fp32_model, int8_model;
  SessionOptions options;
  std::optional<Trace> fp32, int8;
  std::vector<Row> rows;

  Status prepare(std::span<const NamedTensor> inputs);
  Status take_apart(Row& row, const runtime::Match& found);
  void add(Row& row);
};

Result<Comparison> Comparison::create(const Model& fp32, const Model& int8, const SessionOptions& options) {
  if (fp32.is_quantized()) return Status::error("the first model is quantized: it must be the float one");
  if (!int8.is_quantized()) return Status::error("the second model is not quantized: there is nothing to compare");
  const Graph& graph = int8.impl().graph;
  const std::vector<runtime::Match> matches = runtime::match(graph, fp32.impl().graph);
  const auto is_operator = [](const runtime::Match& found) { return found.node >= 0; };
  if (std::ranges::none_of(matches, is_operator)) {
    return Status::error(
        "no operator of the int8 model has the name, the result or the place of one of the float model");
  }
  return Comparison(std::unique_ptr<Impl>(new Impl{fp32, int8, options, {}, {}, {}}));
}

Status Comparison::Impl::take_apart(Row& row, const runtime::Match& found) {
  const Graph &ours = int8->graph(), &theirs = fp32->graph();
  const Node& node = ours.nodes[row.node];
  if (found.node < 0) return {};
  const Node& other = theirs.nodes[static_cast<std::size_t>(found.node)];
  std::vector<InputPair> pairs;
  std::map<ValueId, Value> weights;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!node.has_input(i)) continue;
    if (!other.has_input(i) || !(theirs.input(other, i).shape == ours.input(node, i).shape)) return {};
    const Value &mine = ours.input(node, i), &exact = theirs.input(other, i);
    if (mine.is_constant()) {
      if (!exact.is_constant() || (mine.is_quantized() && exact.dtype != DType::f32)) return {};
      if (exact.dtype == DType::f32) weights[node.inputs[i]] = exact;
    } else {
      if (exact.is_constant() || exact.dtype != DType::f32) return {};
      pairs.push_back({node.inputs[i], other.inputs[i]});
    }
  }
  SessionOptions own = options;
  own.requant = RequantMode::fixed;
  for (const bool exact : {true, false}) {
    Result<Graph> real = runtime::isolate_real(ours, node, exact ? weights : std::map<ValueId, Value>{});
    if (!real.ok()) return real.status();
    Result<OneOp> op = OneOp::create(std::move(*real), fp32_model.impl().float_prepare, own);
    if (!op.ok()) return op.status();
    (exact ? row.on_fp32_weights : row.on_int8_weights).emplace(std::move(*op));
  }
  row.inputs = std::move(pairs);
  return {};
}

Status Comparison::Impl::prepare(std::span<const NamedTensor> inputs) {
  for (const bool is_fp32 : {true, false}) {
    Result<Trace> trace = Trace::create(is_fp32 ? fp32_model : int8_model, inputs, options);
    if (!trace.ok())
      return Status::error(fmt::format("{} model: {}", is_fp32 ? "float" : "int8", trace.status().message()));
    (is_fp32 ? fp32 : int8).emplace(std::move(*trace));
  }
  const Graph &ours = int8->graph(), &theirs = fp32->graph();
  const std::vector<runtime::Match> matches = runtime::match(ours, theirs);
  for (std::size_t i = 0; i < ours.nodes.size(); ++i) {
    const Node& node = ours.nodes[i];
    const ValueId reference = matches[i].value;
    if (node.op == Op::Dequantize || node.op == Op::Reshape || reference == kNone) continue;
    const Value &y = ours.output(node), &exact = theirs[reference];
    if (!(y.shape == exact.shape) || exact.dtype != DType::f32 || (y.dtype != DType::f32 && !is_codes(y))) continue;
    Row row{i, reference, {}, {}, {}, node.op == Op::Quantize || node.op == Op::Requantize, {}};
    if (Status status = take_apart(row, matches[i]); !status.ok()) return status;
    rows.push_back(std::move(row));
  }
  return {};
}

void Comparison::Impl::add(Row& row) {
  const Graph& ours = int8->graph();
  const Node& node = ours.nodes[row.node];
  const Value& y = ours.output(node);
  const std::vector<float> exact = fp32->reals(row.reference), actual = int8->reals(node.outputs[0]);
  Sums& s = row.sums;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double a = exact[i], b = actual[i], e = b - a;
    s.signal += a * a;
    s.int8_signal += b * b;
    s.dot += a * b;
    s.error += e * e;
    s.max_error = std::max(s.max_error, std::abs(e));
  }
  if (is_codes(y)) s.codes += static_cast<std::int64_t>(actual.size());
  if (row.is_conversion) {
    const std::vector<float> before = int8->reals(node.inputs[0]);
    s.parts[0] += squares(actual, before);
    s.parts[1] += squares(before, exact);
    s.clipped += beyond(y, before);
    return;
  }
  if (!row.on_fp32_weights) {
    if (is_codes(y)) s.clipped += beyond(y, exact);
    return;
  }
  OneOp &with_fp32 = *row.on_fp32_weights, &with_int8 = *row.on_int8_weights;
  for (const InputPair& pair : row.inputs)
    set_input(with_fp32, pair.int8, rounded_to(ours[pair.int8], fp32->reals(pair.fp32)));
  const std::vector<float> a1 = run(with_fp32);
  for (const InputPair& pair : row.inputs) set_input(with_fp32, pair.int8, int8->reals(pair.int8));
  const std::vector<float> a2 = run(with_fp32);
  for (const InputPair& pair : row.inputs) set_input(with_int8, pair.int8, int8->reals(pair.int8));
  const std::vector<float> a3 = run(with_int8);
  s.parts[0] += squares(a1, exact);
  s.parts[1] += squares(a2, a1);
  s.parts[2] += squares(a3, a2);
  s.parts[3] += squares(actual, a3);
  if (is_codes(y)) s.clipped += beyond(y, a3);
}

Status Comparison::add(std::span<const NamedTensor> inputs) {
  const FloatEnvironment environment;
  Impl& self = *impl_;
  if (!self.int8) {
    if (Status status = self.prepare(inputs); !status.ok()) return status;
  }
  if (Status status = self.fp32->run(inputs); !status.ok()) return status;
  if (Status status = self.int8->run(inputs); !status.ok()) return status;
  for (Row& row : self.rows) self.add(row);
  return {};
}

std::vector<OpComparison> Comparison::ops() const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<OpComparison> all;
  for (const Row& row : impl_->rows) {
    const Graph& graph = impl_->int8->graph();
    const Node& node = graph.nodes[row.node];
    const Value& y = graph.output(node);
    const Sums& s = row.sums;
    OpComparison op;
    op.name = node.name;
    op.op = graph::name_of(node.op);
    op.precision = runtime::describe(graph, node, true, {}, 0).precision;
    op.value = y.name;
    op.shape = y.shape;
    op.sqnr_db = s.error == 0 ? kInfinity : 10 * std::log10(s.signal / s.error);
    const double norms = std::sqrt(s.signal) * std::sqrt(s.int8_signal);
    op.cosine = norms > 0 ? std::min(s.dot / norms, 1.0) : s.signal == s.int8_signal ? 1 : 0;
    op.max_error = s.max_error;
    op.clipped = s.codes > 0 ? static_cast<double>(s.clipped) / static_cast<double>(s.codes) : 0;
    op.has_parts = row.is_conversion || row.on_fp32_weights.has_value();
    if (op.has_parts) {
      const auto share = [&](int part) { return s.signal > 0 ? std::sqrt(s.parts[part] / s.signal) : 0; };
      op.parts = {share(0), share(1), share(2), share(3)};
      constexpr const char* kNames[] = {"input", "upstream", "weights", "requantization"};
      op.enters = kNames[std::ranges::max_element(s.parts) - s.parts];
    }
    op.uncalibrated = is_codes(y) && y.quant.scale[0] == 1 && y.quant.zero_point[0] == 0;
    all.push_back(std::move(op));
  }
  const auto worst = std::ranges::min_element(all, {}, &OpComparison::sqnr_db);
  if (worst != all.end()) worst->worst = true;
  return all;
}

Comparison::Comparison(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Comparison::Comparison(Comparison&&) noexcept = default;
Comparison& Comparison::operator=(Comparison&&) noexcept = default;
Comparison::~Comparison() = default;

}  // namespace octet
