// SPDX-License-Identifier: Apache-2.0
// Gather: along one axis of the data, the slices that the indices name; the indices' axes take its place.
#include <fmt/format.h>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_gather(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  return context.emit(Op::Gather, context.inputs, GatherAttrs{context.integer("axis", 0)});
}

// Calls visit(index) for each constant index until it returns false.
template <class Visit>
bool each_index(const Value& indices, Visit visit) {
  const auto all = [&](auto elements) {
    for (std::int64_t index : elements)
      if (!visit(index)) return false;
    return true;
  };
  return indices.dtype == DType::s64 ? all(indices.as<std::int64_t>()) : all(indices.as<std::int32_t>());
}

// Indices count from the end where they are negative. Those of an activation are checked at run time.
Status check_indices(const Node& node, const Value& indices, std::int64_t size) {
  std::int64_t wrong = 0;
  const auto valid = [&](std::int64_t index) { return wrong = index, index >= -size && index < size; };
  if (size < 0 || !indices.is_constant() || each_index(indices, valid)) return {};
  return node_error(node, fmt::format("index {}: must be in [{}, {})", wrong, -size, size));
}

Status infer(Graph& graph, Node& node) {
  const Value &data = graph.input(node, 0), &indices = graph.input(node, 1);
  if ((indices.dtype != DType::s64 && indices.dtype != DType::s32) || indices.is_quantized())
    return node_error(node, fmt::format("indices are {}: must be s64 or s32", name_of(indices.dtype)));
  if (!data.shape_known || !indices.shape_known) return set_unknown(graph, node, data.dtype);
  auto& axis = node.as<GatherAttrs>().axis;
  if (Status status = resolve_axis(node, data.shape.rank(), axis); !status) return status;
  const auto at = static_cast<int>(axis);
  if (Status status = check_indices(node, indices, data.shape[at]); !status) return status;
  Dims dims(data.shape.begin(), data.shape.begin() + at);
  dims.insert(dims.end(), indices.shape.begin(), indices.shape.end());
  dims.insert(dims.end(), data.shape.begin() + at + 1, data.shape.end());
  return set_output(graph, node, 0, data.dtype, dims);
}

bool fold(Graph& graph, Node& node) {
  const Value &data = graph.input(node, 0), &indices = graph.input(node, 1);
  Value& output = graph.output(node);
  if (!uniform(data)) return false;
  const auto axis = static_cast<int>(node.as<GatherAttrs>().axis);
  const std::int64_t size = data.shape[axis], outer = data.shape.count(0, axis);
  const auto row = static_cast<std::int64_t>(size_of(data.dtype)) * data.shape.count(axis + 1, data.shape.rank());
  const auto memory = allocate_elements(output);
  if (output.shape.count() > 0) {  // else `outer` rows of nothing would still be counted
    std::byte* to = memory.get();  // (outer, indices, row)
    for (std::int64_t i = 0; i < outer; ++i) {
      each_index(indices, [&](std::int64_t index) {
        const std::int64_t from = (i * size + (index < 0 ? index + size : index)) * row;
        std::memcpy(to, data.data.get() + from, static_cast<std::size_t>(row));
        to += row;
        return true;
      });
    }
  }
  return become_constant(output, data.dtype, memory, data.quant);
}

constexpr OnnxRule kRules[] = {{"Gather", import_gather}};

}  // namespace

const OpSchema gather_schema{kRules, infer, fold};

}  // namespace octet::graph
