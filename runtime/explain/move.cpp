// SPDX-License-Identifier: Apache-2.0
// Operators that put values in other places. Where a value came from is found by moving its address:
// the same operator runs once on floats that are the numbers of the elements.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kMostNumbers = std::int64_t{1} << 24;  // exact as f32

struct Source {
  graph::ValueId value = graph::kNone;  // kNone: padding
  std::size_t input = 0;
  std::int64_t at = 0;
};

Result<Source> source_of(const Site& site) {
  const graph::Graph& graph = site.trace.graph();
  graph::Node node = site.node;
  if (auto* pad = std::get_if<graph::PadAttrs>(&node.attrs)) pad->value = 0;
  // Constant codes (an operand of a Concat) take part as numbers too; Gather's indices stay.
  std::map<graph::ValueId, graph::Value> numbers;
  std::vector<std::pair<graph::ValueId, std::int64_t>> first;  // the number of each input's element 0
  std::int64_t next = 1;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const graph::ValueId id = node.inputs[i];
    if (id == graph::kNone || !graph[id].is_quantized()) continue;
    if (std::ranges::any_of(first, [&](const auto& seen) { return seen.first == id; })) continue;
    first.push_back({id, next});
    next += graph[id].shape.count();
    if (!graph[id].is_constant()) continue;
    std::vector<float> own(static_cast<std::size_t>(graph[id].shape.count()));
    for (std::size_t k = 0; k < own.size(); ++k)
      own[k] = static_cast<float>(first.back().second + static_cast<std::int64_t>(k));
    numbers[id] = graph::Graph::make_constant(graph[id].name, DType::f32, graph[id].shape,
                                              std::as_bytes(std::span<const float>(own)));
    numbers[id].shape_known = true;
  }
  if (next > kMostNumbers)
    return Status::error(fmt::format("{} values to choose from: at most {} can be told apart", next, kMostNumbers));
  Result<graph::Graph> real = isolate_real(graph, node, numbers);
  if (!real.ok()) return real.status();
  Result<OneOp> op = OneOp::create(std::move(*real), nullptr, {.threads = 1});
  if (!op.ok()) return op.status();
  for (graph::ValueId id : op->inputs()) {
    const auto memory = op->input(id);
    const auto start = std::ranges::find_if(first, [&](const auto& seen) { return seen.first == id; });
    if (start == first.end()) {  // indices that are computed
      std::ranges::copy(site.trace.bytes(id), memory.begin());
      continue;
    }
    for (std::size_t k = 0; k < memory.size() / sizeof(float); ++k) {
      const auto number = static_cast<float>(start->second + static_cast<std::int64_t>(k));
      std::memcpy(memory.data() + k * sizeof(float), &number, sizeof(float));
    }
  }
  op->run();
  float found;
  std::memcpy(&found, op->output().data() + static_cast<std::size_t>(site.at) * sizeof(float), sizeof(float));
  const auto number = static_cast<std::int64_t>(found);
  Source source;
  for (const auto& [id, start] : first) {
    if (number < start || number >= start + graph[id].shape.count()) continue;
    source = {id, static_cast<std::size_t>(std::ranges::find(node.inputs, id) - node.inputs.begin()), number - start};
  }
  return source;
}

}  // namespace

Status explain_move(const Site& site) {
  const Result<Source> source = source_of(site);
  if (!source.ok()) return source.status();
  const kernels::CodeRange all = kernels::code_range(site.output().dtype);
  if (source->value == graph::kNone) {
    const kernels::Codes y = site.use_output();
    const auto* pad = std::get_if<graph::PadAttrs>(&site.node.attrs);
    const float value = pad == nullptr ? 0 : pad->value;
    site.out.exact = value / y.scale;
    const auto steps = static_cast<std::int64_t>(std::nearbyint(std::clamp(value / y.scale, -1e6F, 1e6F)));
    site.step("padding", fmt::format("rne({} / so) + {}", value, y.zero_point),
              fmt::format("{}", steps + y.zero_point));
    finish_code(site, steps + y.zero_point, y, all);
    return {};
  }
  const std::int32_t q = site.trace.code(source->value, source->at);
  const kernels::Codes x = site.use_input(source->input, fmt::format("input {}", source->input));
  const kernels::Codes y = site.use_output();
  site.out.taps.push_back({text_of(index_of(site.input(source->input).shape, source->at)), {}, q, 0, q, {}});
  site.step("source", fmt::format("'{}'{}", site.input(source->input).name, site.out.taps.back().input_at),
            fmt::format("{}", q));
  if (x == y) {
    site.out.exact = q - x.zero_point;
    finish_code(site, q, y, all);
    return {};
  }
  finish(site, q - x.zero_point, factor_of("sx/so", x.scale, 1, y.scale, site.mode), y, all);
  return {};
}

}  // namespace octet::runtime
