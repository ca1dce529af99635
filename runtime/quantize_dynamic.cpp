// SPDX-License-Identifier: Apache-2.0
#include <octet/quantize.h>

#include "graph/quantize/dynamic.h"
#include "runtime/float_environment.h"
#include "runtime/model_impl.h"

namespace octet {

Result<Model> quantize_dynamic(const Model& fp32, const QConfig& config) {
  const runtime::FloatEnvironment environment;
  Result<graph::Graph> graph = graph::convert_dynamic(fp32.impl().graph, config);
  if (!graph.ok()) return graph.status();
  return runtime::make_model(std::move(*graph), fp32.impl().float_prepare);
}

}  // namespace octet
