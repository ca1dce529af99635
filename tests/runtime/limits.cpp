// SPDX-License-Identifier: Apache-2.0
// ModelLimits: what a file asks for is counted before it is done, and the sentence names the option.
#include <octet/octet.h>

#include <fstream>

#include "graph/export/plain.h"
#include "runtime/compiled/write.h"
#include "tests/runtime/compiled_file.h"
#include "tests/support/catch.h"
#include "tests/support/onnx_builder.h"

using namespace octet;
using Catch::Matchers::Contains;
using tests::OnnxBuilder;

namespace {

// Three nodes, two inputs, two outputs; 16 bytes in an initializer, 12 in an attribute.
std::string network() {
  OnnxBuilder b;
  b.input("a", {1, 4}).input("b", {1, 4}).initializer<float>("w", {4}, {1, 2, 3, 4});
  b.node("Constant", {}, {"c"}).set_tensor("value", tests::onnx_tensor<float>("", {3}, {1, 2, 3}));
  b.node("Mul", {"a", "w"}, {"m"});
  b.node("Add", {"m", "b"}, {"y"});
  return b.output("y").output("c").bytes();
}

std::string refusal(const std::string& onnx, const ModelLimits& limits) {
  return Model::parse(tests::as_bytes(onnx), {}, limits).status().message();
}

std::string refusal(std::span<const std::byte> compiled, const ModelLimits& limits) {
  return Model::open(compiled, limits).status().message();
}

// A compiled model as nobody but an attacker writes it: octet stores the indices of a mirroring Pad as a constant.
test::AlignedCopy mirrored() {
  graph::PlainModel model;
  model.opset = 10;
  graph::Value x;
  x.name = "x";
  x.shape = {1, 4096};
  x.shape_known = true;
  model.inputs.push_back(x);
  graph::OnnxAttribute mode, pads;
  mode.kind = graph::OnnxAttribute::Kind::text;
  mode.text = "reflect";
  pads.kind = graph::OnnxAttribute::Kind::integers;
  pads.integers = {0, 1, 0, 1};
  model.nodes.push_back({"mirror", "Pad", "", {"x"}, {"y"}, {{"mode", mode}, {"pads", pads}}});
  model.outputs.push_back("y");
  const std::string bytes = runtime::write_compiled(model, {}, {}).value();
  return test::AlignedCopy(tests::as_bytes(bytes));
}

}  // namespace

TEST_CASE("max_file_bytes: every way to get a model keeps to it") {
  const std::string onnx = network();
  const test::CompiledFile compiled(Model::parse(tests::as_bytes(onnx)).value());
  ModelLimits limits;
  limits.max_file_bytes = onnx.size();
  CHECK(refusal(onnx, limits).empty());
  limits.max_file_bytes = onnx.size() - 1;
  CHECK_THAT(refusal(onnx, limits), Contains("ModelLimits::max_file_bytes allows " + std::to_string(onnx.size() - 1)));

  const std::size_t size = compiled.bytes().size();
  limits.max_file_bytes = size;
  CHECK(Model::open(compiled.path(), limits).ok());
  CHECK(Model::load(compiled.path(), limits).ok());
  limits.max_file_bytes = size - 1;
  const std::string sentence = "the file has " + std::to_string(size) + " bytes: ModelLimits::max_file_bytes allows";
  CHECK_THAT(refusal(compiled.bytes(), limits), Contains(sentence));
  CHECK_THAT(Model::open(compiled.path(), limits).status().message(), Contains(sentence));
  CHECK_THAT(Model::load(compiled.path(), limits).status().message(), Contains(sentence));
  CHECK_THAT(Model::parse(compiled.bytes(), {}, limits).status().message(), Contains(sentence));
}

TEST_CASE("max_nodes: nodes, inputs and outputs") {
  const std::string onnx = network();
  ModelLimits limits;
  limits.max_nodes = 3;
  CHECK(refusal(onnx, limits).empty());
  limits.max_nodes = 2;
  CHECK_THAT(refusal(onnx, limits), Contains("the model has 3 nodes: ModelLimits::max_nodes allows 2"));

  OnnxBuilder wide;
  wide.input("a", {1}).input("b", {1}).node("Add", {"a", "b"}, {"y"});
  limits.max_nodes = 1;
  CHECK_THAT(refusal(wide.output("y").bytes(), limits), Contains("the model has 2 inputs: ModelLimits::max_nodes"));
  OnnxBuilder many;
  many.input("a", {1}).node("Split", {"a"}, {"y", "z"});
  CHECK_THAT(refusal(many.output("y").output("a").bytes(), limits), Contains("has 2 outputs: ModelLimits::max_nodes"));

  const test::CompiledFile compiled(Model::parse(tests::as_bytes(onnx)).value());
  CHECK_THAT(refusal(compiled.bytes(), limits), Contains("nodes: ModelLimits::max_nodes allows 1"));
}

TEST_CASE("max_constant_bytes: initializers, attributes and files beside the model") {
  ModelLimits limits;
  limits.max_constant_bytes = 28;
  CHECK(refusal(network(), limits).empty());
  limits.max_constant_bytes = 27;
  CHECK_THAT(refusal(network(), limits), Contains("attribute 'value' of node 'c' brings the constants to 28 bytes: "
                                                  "ModelLimits::max_constant_bytes allows 27"));
  limits.max_constant_bytes = 15;
  CHECK_THAT(refusal(network(), limits), Contains("initializer 'w' brings the constants to 16 bytes"));

  // Before the file is looked for, let alone read.
  OnnxBuilder b;
  b.input("a", {1, 1024}).node("Mul", {"a", "w"}, {"y"});
  onnx::TensorProto& w = *b.graph().add_initializer();
  w.set_name("w");
  w.set_data_type(onnx::TensorProto::FLOAT16);
  w.add_dims(1024);
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& place = *w.add_external_data();
  place.set_key("location");
  place.set_value("absent.bin");
  limits.max_constant_bytes = 4095;
  CHECK_THAT(refusal(b.output("y").bytes(), limits), Contains("initializer 'w' brings the constants to 4096 bytes"));
}

TEST_CASE("max_computed_bytes: constants that nodes make of sizes") {
  OnnxBuilder b(14);
  b.input("x", {1, 512, 512}).node("Trilu", {"x"}, {"y"}).name("lower");
  const std::string onnx = b.output("y").bytes();
  ModelLimits limits;
  limits.max_computed_bytes = 512 * 512 + 4;  // the triangle, and the zero outside it
  CHECK(refusal(onnx, limits).empty());
  limits.max_computed_bytes = 512 * 512 + 3;
  CHECK_THAT(refusal(onnx, limits), Contains("node 'lower' (Trilu): brings the constants that nodes compute to 262148 "
                                             "bytes: ModelLimits::max_computed_bytes allows 262147"));
  const test::AlignedCopy compiled = mirrored();
  limits.max_computed_bytes = 4098 * 8;
  CHECK(refusal(compiled.bytes(), limits).empty());
  limits.max_computed_bytes = 4098 * 8 - 1;
  CHECK_THAT(refusal(compiled.bytes(), limits), Contains("node 'mirror' (Pad): brings the constants that nodes compute "
                                                         "to 32784 bytes: ModelLimits::max_computed_bytes"));
  // What the file holds is not computed.
  limits.max_computed_bytes = 0;
  CHECK(refusal(network(), limits).empty());
}

TEST_CASE("max_computed_bytes: what the nodes of a small file compute adds up") {
  OnnxBuilder b(14);
  b.input("x", {256, 256}).node("Trilu", {"x"}, {"t0"});
  for (int i = 1; i < 30; ++i) b.node("Trilu", {"t" + std::to_string(i - 1)}, {"t" + std::to_string(i)});
  const std::string onnx = b.output("t29").bytes();
  CHECK(onnx.size() < 1000);
  ModelLimits limits;
  limits.max_computed_bytes = 20 * 256 * 256;
  CHECK_THAT(refusal(onnx, limits), Contains("node 't19' (Trilu): brings the constants that nodes compute to 1310800"));
}

TEST_CASE("max_depth: messages and tables in each other") {
  ModelLimits limits;
  limits.max_depth = 7;
  CHECK(refusal(network(), limits).empty());
  limits.max_depth = 4;
  CHECK_THAT(refusal(network(), limits), Contains("nested deeper than the 4 that ModelLimits::max_depth allows"));

  onnx::ModelProto deep;  // 60 subgraphs in each other, each three messages
  onnx::GraphProto* graph = deep.mutable_graph();
  for (int i = 0; i < 60; ++i) graph = graph->add_node()->add_attribute()->mutable_g();
  CHECK_THAT(refusal(deep.SerializeAsString(), {}), Contains("nested deeper than the 100"));
  limits.max_depth = 200;
  CHECK_THAT(refusal(deep.SerializeAsString(), limits), !Contains("nested deeper"));

  const test::CompiledFile compiled(Model::parse(tests::as_bytes(network())).value());
  limits.max_depth = 7;
  CHECK(refusal(compiled.bytes(), limits).empty());
  limits.max_depth = 1;
  CHECK_THAT(refusal(compiled.bytes(), limits),
             Contains("nested deeper than the 1 that ModelLimits::max_depth allows"));
}
