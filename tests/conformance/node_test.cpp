// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/node_test.h"

#include <fmt/format.h>
#include <octet/octet.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "graph/import/tensor_data.h"
#include "tests/conformance/compare.h"

namespace octet::conformance {
namespace {

namespace fs = std::filesystem;

template <class Proto>
std::optional<Proto> read_proto(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Proto proto;
  if (!file || !proto.ParseFromIstream(&file)) return std::nullopt;
  return proto;
}

struct Data {
  std::vector<onnx::TensorProto> inputs, outputs;  // in the order of the model's
};

// test_data_set_0/input_0.pb ...; nothing if one is not a tensor.
std::optional<std::vector<onnx::TensorProto>> read_tensors(const fs::path& folder, const char* side, int count) {
  std::vector<onnx::TensorProto> tensors;
  for (int index = 0; index < count; ++index) {
    auto tensor = read_proto<onnx::TensorProto>(folder / fmt::format("{}_{}.pb", side, index));
    if (!tensor) return std::nullopt;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

// The name of an element type that octet does not have; empty if every input and output has one that it has.
std::string foreign_type(const onnx::GraphProto& graph) {
  for (const auto* list : {&graph.input(), &graph.output()}) {
    for (const onnx::ValueInfoProto& info : *list) {
      if (!info.type().has_tensor_type()) return "a sequence or an optional";
      const int type = info.type().tensor_type().elem_type();
      if (!graph::same_dtype(type)) return graph::name_of_onnx_type(type);
    }
  }
  return {};
}

// `model` with its inputs from `first` on as initializers.
onnx::ModelProto with_constants(onnx::ModelProto model, const std::vector<onnx::TensorProto>& values, int first) {
  onnx::GraphProto& graph = *model.mutable_graph();
  for (int index = first; index < graph.input_size(); ++index) {
    onnx::TensorProto* constant = graph.add_initializer();
    *constant = values[static_cast<std::size_t>(index)];
    constant->set_name(graph.input(index).name());
  }
  return model;
}

Result<Session> create(const onnx::ModelProto& proto) {
  const std::string bytes = proto.SerializeAsString();
  auto model = Model::parse(std::as_bytes(std::span(bytes)));
  if (!model) return model.status();
  SessionOptions options;
  options.requant = RequantMode::floating;
  options.threads = 1;
  return Session::create(*model, options);
}

// What is wrong with the session's answer; empty if nothing is.
std::string check(Session& session, const onnx::ModelProto& proto, const Data& data) {
  const auto& graph = proto.graph();
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    const auto& declared = graph.input();
    const auto found = std::find_if(declared.begin(), declared.end(),
                                    [&](const auto& info) { return info.name() == session.inputs()[i].name; });
    const auto at = static_cast<std::size_t>(found - declared.begin());
    const auto value = graph::import_tensor(data.inputs[at], {}, "input");
    if (!value) return value.status().message();
    const auto target = session.input_bytes(i);
    if (value->shape != session.inputs()[i].shape) {
      return fmt::format("the test's input has shape {}, the session's {}", to_string(value->shape),
                         to_string(session.inputs()[i].shape));
    }
    std::copy_n(value->data.get(), target.size(), target.begin());
  }
  session.run();
  for (std::size_t i = 0; i < data.outputs.size(); ++i) {
    const auto expected = graph::import_tensor(data.outputs[i], {}, "output");
    if (!expected) return expected.status().message();
    const std::string wrong = compare(*expected, session.outputs()[i], session.output_bytes(i));
    if (!wrong.empty()) return fmt::format("output {}: {}", i, wrong);
  }
  return {};
}

std::string short_reason(const std::string& message) {
  const std::string text = message.substr(0, message.find("; supported are"));  // not the list of all ops
  if (text.rfind("node '", 0) != 0) return text;
  const auto end = text.find(": ");
  return end == std::string::npos ? text : text.substr(end + 2);
}

std::string type_of(const onnx::GraphProto& graph) {
  if (graph.input_size() == 0) return {};
  const auto type = graph::same_dtype(graph.input(0).type().tensor_type().elem_type());
  return type ? name_of(*type) : std::string();
}

}  // namespace

Outcome run_node_test(const fs::path& folder) try {
  Outcome outcome;
  outcome.name = folder.filename().string();
  const auto fail = [&](Outcome::Kind kind, std::string detail) {
    outcome.kind = kind;
    outcome.detail = std::move(detail);
    return outcome;
  };
  const auto model = read_proto<onnx::ModelProto>(folder / "model.onnx");
  if (!model) return fail(Outcome::Kind::failed, "model.onnx is not an ONNX model");
  const onnx::GraphProto& graph = model->graph();
  if (graph.node_size() == 1) {
    const onnx::NodeProto& node = graph.node(0);
    outcome.op = node.domain().empty() ? node.op_type() : node.domain() + "." + node.op_type();
  }
  outcome.type = type_of(graph);
  if (const std::string foreign = foreign_type(graph); !foreign.empty()) {
    return fail(Outcome::Kind::refused, "type " + foreign);
  }
  const fs::path data_folder = folder / "test_data_set_0";
  auto inputs = read_tensors(data_folder, "input", graph.input_size());
  auto outputs = read_tensors(data_folder, "output", graph.output_size());
  if (!inputs || !outputs) return fail(Outcome::Kind::failed, "an input or output is missing or not a tensor");
  const Data data{std::move(*inputs), std::move(*outputs)};

  std::string refusal;
  for (int first = graph.input_size(); first >= 0; --first) {
    Result<Session> session = create(with_constants(*model, data.inputs, first));
    if (!session) {
      refusal = short_reason(session.status().message());
      continue;
    }
    const std::string wrong = check(*session, *model, data);
    return fail(wrong.empty() ? Outcome::Kind::passed : Outcome::Kind::failed, wrong);
  }
  return fail(Outcome::Kind::refused, refusal);
} catch (const std::exception& exception) {
  Outcome outcome;
  outcome.name = folder.filename().string();
  outcome.detail = exception.what();
  return outcome;
}

std::vector<fs::path> find_node_tests(const fs::path& root) {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "model.onnx") folders.push_back(entry.path().parent_path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

}  // namespace octet::conformance
