// SPDX-License-Identifier: Apache-2.0
// One model whose every value can be looked at after a run, and single operators cut out of it.
#pragma once

#include <octet/quantize.h>
#include <octet/session.h>
#include <octet/status.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "runtime/model_impl.h"

namespace octet::runtime {

// The model's canonical graph with its sizes bound; all that its nodes make is an output of the
// session. Nothing is fused across such values, which by the rules of docs/arithmetic.md changes no bit.
class Trace {
 public:
  // The shapes of `inputs` bind symbolic sizes; options.input_shapes is not read.
  static Result<Trace> create(const Model& model, std::span<const NamedTensor> inputs, SessionOptions options);

  Status run(std::span<const NamedTensor> inputs);
  const graph::Graph& graph() const { return graph_; }
  // The elements of any value of graph(), in its own type and layout; stays valid until the next run.
  std::span<const std::byte> bytes(graph::ValueId id) const;
  // Element `at` of a u8 or s8 value as a code, and of a quantized, f32 or s64 value as a real.
  std::int32_t code(graph::ValueId id, std::int64_t at) const;
  double real(graph::ValueId id, std::int64_t at) const;
  // All elements of an activation, f32 or codes, as reals.
  std::vector<float> reals(graph::ValueId id) const;

 private:
  Trace(graph::Graph graph, Session session) : graph_(std::move(graph)), session_(std::move(session)) {}
  graph::Graph graph_;
  Session session_;
  std::map<graph::ValueId, std::size_t> output_;  // which session output a value is
};

// ---- one operator alone -----------------------------------------------------------------------

// The node as a graph of its own, with the same value ids: activations are inputs, constants stay.
graph::Graph isolate(const graph::Graph& graph, const graph::Node& node);

// The same on reals: codes become f32, constants are dequantized or, where `instead` names one,
// replaced. Conversions become the clamp they contain. Refused: a constant without parameters.
Result<graph::Graph> isolate_real(const graph::Graph& graph, const graph::Node& node,
                                  const std::map<graph::ValueId, graph::Value>& instead = {});

// An isolated graph ready to run.
class OneOp {
 public:
  static Result<OneOp> create(graph::Graph isolated, kernels::PrepareFn float_prepare, const SessionOptions& options);
  // The memory of an activation input, by its id in the graph it was cut from.
  std::span<std::byte> input(graph::ValueId id);
  const std::vector<graph::ValueId>& inputs() const { return inputs_; }
  void run() { session_.run(); }
  std::span<const std::byte> output(std::size_t index = 0) const { return session_.output_bytes(index); }

 private:
  OneOp(std::vector<graph::ValueId> inputs, Session session)
      : inputs_(std::move(inputs)), session_(std::move(session)) {}
  std::vector<graph::ValueId> inputs_;
  Session session_;
};

}  // namespace octet::runtime
