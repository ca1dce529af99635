// SPDX-License-Identifier: Apache-2.0
#include <octet/model.h>

#include "runtime/model_impl.h"

namespace octet {

std::vector<TensorInfo> runtime::describe(const graph::Graph& graph, std::span<const graph::ValueId> ids) {
  std::vector<TensorInfo> infos;
  for (graph::ValueId id : ids) infos.push_back({graph[id].name, graph[id].dtype, graph[id].shape});
  return infos;
}

std::vector<TensorInfo> Model::inputs() const { return runtime::describe(impl().graph, impl().graph.inputs); }
std::vector<TensorInfo> Model::outputs() const { return runtime::describe(impl().graph, impl().graph.outputs); }
const std::map<std::string, std::string>& Model::notes() const noexcept { return impl().notes; }
bool Model::is_quantized() const { return runtime::computes_on_codes(impl().graph); }

}  // namespace octet
