// SPDX-License-Identifier: Apache-2.0
#include "graph/load_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "graph/import/onnx_node.h"

namespace octet::graph {
namespace {

std::uint64_t bytes_of(const Value& value) {
  if (!value.is_constant()) return 0;
  return static_cast<std::uint64_t>(value.shape.count()) * size_of(value.dtype);
}

}  // namespace

Status LoadBudget::check_file(std::size_t bytes) const {
  if (bytes <= limits_.max_file_bytes) return {};
  return Status::error(
      fmt::format("the file has {} bytes: ModelLimits::max_file_bytes allows {}", bytes, limits_.max_file_bytes));
}

Status LoadBudget::check_counts(std::size_t nodes, std::size_t inputs, std::size_t outputs) const {
  const std::pair<std::size_t, std::string_view> counts[] = {
      {nodes, "nodes"}, {inputs, "inputs"}, {outputs, "outputs"}};
  for (const auto& [count, what] : counts) {
    if (count <= limits_.max_nodes) continue;
    return Status::error(
        fmt::format("the model has {} {}: ModelLimits::max_nodes allows {}", count, what, limits_.max_nodes));
  }
  return {};
}

Status LoadBudget::spend_constant(std::uint64_t bytes, std::string_view what) {
  // Each is below 2^43, so a sum that is checked every time cannot overflow.
  constant_bytes_ += bytes;
  if (constant_bytes_ <= limits_.max_constant_bytes) return {};
  return Status::error(fmt::format("{} brings the constants to {} bytes: ModelLimits::max_constant_bytes allows {}",
                                   what, constant_bytes_, limits_.max_constant_bytes));
}

Status LoadBudget::spend_computed(const ImportContext& context, std::size_t first) {
  std::uint64_t made = 0, given = 0;
  for (std::size_t i = first; i < context.graph.values.size(); ++i) made += bytes_of(context.graph.values[i]);
  for (const auto& [name, attribute] : context.attributes) given += bytes_of(attribute.tensor);
  computed_bytes_ += made - std::min(made, given);
  if (computed_bytes_ <= limits_.max_computed_bytes) return {};
  return context.error(
      fmt::format("brings the constants that nodes compute to {} bytes: "
                  "ModelLimits::max_computed_bytes allows {}",
                  computed_bytes_, limits_.max_computed_bytes));
}

}  // namespace octet::graph
