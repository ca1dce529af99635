// SPDX-License-Identifier: Apache-2.0
#include "graph/import/attributes.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include "graph/import/tensor_data.h"

namespace octet::graph {
namespace {

using Proto = onnx::AttributeProto;
using Kind = OnnxAttribute::Kind;

// Some old exporters leave the type out.
int type_of(const Proto& proto) {
  if (proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_i()) return Proto::INT;
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.ints_size() > 0) return Proto::INTS;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  if (proto.graphs_size() > 0) return Proto::GRAPHS;
  return Proto::UNDEFINED;
}

Result<OnnxAttribute> import_attribute(const Proto& proto, const std::filesystem::path& directory,
                                       const std::string& what, LoadBudget* budget) {
  OnnxAttribute attribute;
  switch (type_of(proto)) {
    case Proto::INT:
      attribute.kind = Kind::integer;
      attribute.integer = proto.i();
      break;
    case Proto::FLOAT:
      attribute.kind = Kind::real;
      attribute.real = proto.f();
      break;
    case Proto::STRING:
      attribute.kind = Kind::text;
      attribute.text = proto.s();
      break;
    case Proto::INTS:
      attribute.kind = Kind::integers;
      attribute.integers.assign(proto.ints().begin(), proto.ints().end());
      break;
    case Proto::FLOATS:
      attribute.kind = Kind::reals;
      attribute.reals.assign(proto.floats().begin(), proto.floats().end());
      break;
    case Proto::STRINGS:
      attribute.kind = Kind::texts;
      attribute.texts.assign(proto.strings().begin(), proto.strings().end());
      break;
    case Proto::TENSOR: {
      attribute.kind = Kind::tensor;
      auto tensor = import_tensor(proto.t(), directory, what, budget);
      if (!tensor) return tensor.status();
      attribute.tensor = std::move(*tensor);
      break;
    }
    default:
      break;  // Kind::other: an error as soon as a rule reads it
  }
  return attribute;
}

}  // namespace

Status refuse_subgraphs(const onnx::NodeProto& node, const ImportContext& context) {
  for (const Proto& proto : node.attribute()) {
    if (type_of(proto) == Proto::GRAPH || type_of(proto) == Proto::GRAPHS) {
      return context.error(fmt::format("attribute '{}' is a subgraph: control flow is not supported", proto.name()));
    }
  }
  return {};
}

Status import_attributes(const onnx::NodeProto& node, const std::filesystem::path& directory, ImportContext& context,
                         LoadBudget* budget) {
  for (const Proto& proto : node.attribute()) {
    auto attribute = import_attribute(proto, directory,
                                      fmt::format("attribute '{}' of node '{}'", proto.name(), context.name), budget);
    if (!attribute) return attribute.status();
    if (!context.attributes.emplace(proto.name(), std::move(*attribute)).second) {
      return context.error(fmt::format("attribute '{}' is given twice", proto.name()));
    }
  }
  return {};
}

}  // namespace octet::graph
