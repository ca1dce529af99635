// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kernels/float_ops.h"
#include "kernels/layer_weights.h"
#include "runtime/code_bounds.h"
#include "runtime/ledger.h"
#include "runtime/memory_planner.h"
#include "runtime/model_impl.h"

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Op;
using graph::Value;
using graph::ValueId;

Result<kernels::PreparedOp> refuse(const kernels::OpContext& context) {
  return context.error("this operator only computes shapes and could not be folded away: its inputs must be constant");
}

// The operators by Op: kernels/ops/<stem>.cpp, or a refusal for those that must be gone by now.
kernels::PrepareFn prepare_function(Op op) {
  switch (op) {
#define OCTET_PREPARE_0(stem) refuse
#define OCTET_PREPARE_1(stem) kernels::prepare_##stem
#define OCTET_OP(Name, stem, runs) \
  case Op::Name: return OCTET_PREPARE_##runs(stem);
#include "graph/ops.def"
#undef OCTET_OP
  }
  return refuse;
}

kernels::Operand operand_of(const Graph& graph, ValueId id, const std::vector<int>& max_codes) {
  kernels::Operand operand;
  operand.present = id != kNone;
  if (!operand.present) return operand;
  const Value& value = graph[id];
  operand.dtype = value.dtype;
  operand.shape = value.shape;
  operand.quant = value.is_quantized() ? &value.quant : nullptr;
  operand.constant = value.data.get();
  operand.relabelled = value.relabelled;
  operand.max_code = max_codes[static_cast<std::size_t>(id)];
  return operand;
}

Result<kernels::PreparedOp> prepare(const Graph& graph, const Node& node, const PlanOptions& options, bool quantized,
                                    const std::vector<int>& max_codes) {
  std::vector<kernels::Operand> inputs, outputs;
  for (ValueId id : node.inputs) inputs.push_back(operand_of(graph, id, max_codes));
  for (ValueId id : node.outputs) outputs.push_back(operand_of(graph, id, max_codes));
  for (std::size_t i = 0; i < inputs.size() && options.weights != nullptr; ++i) {
    const bool may_be_packed = i == 1 && (node.op == Op::Conv2d || node.op == Op::Dense);  // they ask for themselves
    if (inputs[i].constant == nullptr || may_be_packed) continue;
    if (Status status = options.weights->before_reading(inputs[i].constant); !status.ok()) return status;
  }
  const kernels::OpContext context{node.name,        node.attrs,      inputs,         outputs,
                                   *options.backend, options.requant, options.threads, options.weights};
  if (!quantized && options.float_prepare != nullptr) {
    Result<kernels::PreparedOp> fast = options.float_prepare(context);
    if (!fast.ok() || *fast != nullptr) return fast;
  }
  return prepare_function(node.op)(context);
}

// (values) The node that reads each last; nullptr for none.
std::vector<const Node*> last_readers_of(const Graph& graph) {
  std::vector<const Node*> readers(graph.values.size());
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.inputs) {
      if (id != kNone) readers[static_cast<std::size_t>(id)] = &node;
    }
  }
  return readers;
}

// Which value's memory each value shares: itself, or the input of the Reshape that made it. A graph
// output gets memory of its own where sharing would give the caller an input's or a constant's.
std::vector<ValueId> storage_roots(const Graph& graph) {
  std::vector<ValueId> root(graph.values.size());
  std::iota(root.begin(), root.end(), 0);
  const auto is_fixed = [&](ValueId id) { return graph[id].is_constant() || std::ranges::count(graph.inputs, id) > 0; };
  for (const Node& node : graph.nodes) {
    if (node.op != Op::Reshape) continue;
    const ValueId from = root[static_cast<std::size_t>(node.inputs[0])];
    if (graph.is_output(node.outputs[0]) && is_fixed(from)) continue;
    root[static_cast<std::size_t>(node.outputs[0])] = from;
  }
  return root;
}

void place_values(Plan& plan, const std::vector<ValueId>& root) {
  const Graph& graph = plan.graph;
  const auto last_step = static_cast<std::int32_t>(plan.steps.size());
  struct Span {
    std::int32_t first = -1, last = -1;
    bool used = false;
  };
  std::vector<Span> spans(graph.values.size());
  const auto touch = [&](ValueId id, std::int32_t step) {
    Span& span = spans[static_cast<std::size_t>(root[static_cast<std::size_t>(id)])];
    if (!span.used) span = {step, step, true};
    span.last = std::max(span.last, step);
  };
  // Inputs keep their content between runs, outputs until the next one.
  for (ValueId id : graph.inputs) touch(id, -1), touch(id, last_step);
  for (std::int32_t i = 0; i < last_step; ++i) {
    const Step& step = plan.steps[static_cast<std::size_t>(i)];
    for (ValueId id : step.outputs) touch(id, i);
    for (ValueId id : step.inputs) {
      if (id != kNone) touch(id, i);
    }
  }
  for (ValueId id : graph.outputs) {
    touch(id, last_step);
    spans[static_cast<std::size_t>(root[static_cast<std::size_t>(id)])].first = -1;
  }

  std::vector<Lifetime> lifetimes;
  std::vector<std::size_t> owner;
  for (std::size_t v = 0; v < spans.size(); ++v) {
    const Value& value = graph.values[v];
    if (!spans[v].used || value.is_constant()) continue;
    const std::size_t bytes = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
    lifetimes.push_back({bytes + kernels::kOverread, spans[v].first, spans[v].last});
    owner.push_back(v);
  }
  const MemoryPlan memory = plan_memory(lifetimes);
  plan.places.resize(graph.values.size());
  for (std::size_t i = 0; i < owner.size(); ++i) plan.places[owner[i]] = {Place::Kind::arena, memory.offsets[i], nullptr};
  for (std::size_t v = 0; v < spans.size(); ++v) {
    const auto r = static_cast<std::size_t>(root[v]);
    if (graph.values[r].is_constant()) {
      plan.places[v] = {Place::Kind::constant, 0, graph.values[r].data.get()};
    } else {
      plan.places[v] = plan.places[r];
    }
  }
  std::size_t scratch = 0;
  for (const Step& step : plan.steps) {
    scratch = std::max(scratch, static_cast<std::size_t>(step.slices) * step.op->scratch_bytes());
  }
  plan.scratch_offset = memory.total;
  plan.arena_bytes = memory.total + scratch + kernels::kOverread;
}

}  // namespace

Result<Plan> make_plan(Graph lowered, const PlanOptions& options) {
  Plan plan;
  plan.graph = std::move(lowered);
  const Graph& graph = plan.graph;
  const bool quantized = computes_on_codes(graph);
  const std::vector<ValueId> root = storage_roots(graph);
  const std::vector<int> max_codes = largest_codes(graph);
  const std::vector<const Node*> last_readers = last_readers_of(graph);
  for (const Node& node : graph.nodes) {
    const ValueId out = node.outputs[0];
    if (node.op == Op::Reshape && root[static_cast<std::size_t>(out)] != out) continue;  // a view, no work
    Result<kernels::PreparedOp> op = prepare(graph, node, options, quantized, max_codes);
    if (!op.ok()) return op.status();
    plan.weight_bytes += (*op)->weight_bytes();
    plan.ops.push_back(describe(graph, node, quantized, (*op)->kernel(), (*op)->macs()));
    const int slices = (*op)->slices();
    plan.steps.push_back({std::move(*op), node.inputs, node.outputs, slices});
    // Scales per channel are as large as some models' activations. The operator has taken what it needs of them; the
    // next one takes their memory.
    for (ValueId id : node.inputs) {
      if (id == kNone || last_readers[static_cast<std::size_t>(id)] != &node) continue;
      if (Value& value = plan.graph[id]; value.is_constant()) value.quant = {};
    }
  }
  place_values(plan, root);
  return plan;
}

}  // namespace octet::runtime
