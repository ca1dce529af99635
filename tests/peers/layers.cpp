// SPDX-License-Identifier: Apache-2.0
// Cuts a quantized model into ONNX files of one int8 operator each, with the codes that go in and come out:
// what check_onnxruntime.sh gives to another runtime.
//   peer_layers MODEL.onnx INPUT.npy FOLDER
#include <fmt/format.h>
#include <octet/model.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "graph/export/onnx.h"
#include "graph/passes/passes.h"
#include "runtime/explain/trace.h"
#include "tools/float_batch.h"

using namespace octet;

namespace {

bool is_codes(const graph::Value& value) { return value.dtype == DType::u8 || value.dtype == DType::s8; }

bool computes(const graph::Graph& graph, const graph::Node& node) {
  using graph::Op;
  if (node.op == Op::Quantize || node.op == Op::Dequantize || node.op == Op::Reshape) return false;
  return is_codes(graph.input(node, 0)) && is_codes(graph.output(node));
}

void write(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw Error(fmt::format("cannot write '{}'", path.string()));
}

nlohmann::json tensor(const graph::Value& value, const std::string& file) {
  return {{"name", value.name}, {"dtype", name_of(value.dtype)}, {"shape", value.shape.dims()}, {"file", file}};
}

// One layer: NUMBER.onnx, its inputs, and what each rounding rule gives.
nlohmann::json cut(const runtime::Trace& trace, const graph::Node& node, int number,
                   const std::filesystem::path& folder) {
  const graph::Graph& whole = trace.graph();
  graph::Graph one = runtime::isolate(whole, node);
  graph::Graph file = one;
  graph::remove_dead(file).value();
  const std::string bytes = graph::export_onnx(file).value();
  write(folder / fmt::format("{}.onnx", number), std::as_bytes(std::span(bytes)));
  nlohmann::json layer = {{"name", node.name},
                          {"op", graph::name_of(node.op)},
                          {"model", fmt::format("{}.onnx", number)},
                          {"inputs", nlohmann::json::array()}};
  for (graph::ValueId id : one.inputs) {
    const std::string name = fmt::format("{}_in{}.bin", number, layer["inputs"].size());
    write(folder / name, trace.bytes(id));
    layer["inputs"].push_back(tensor(whole[id], name));
  }
  for (const auto& [mode, label] :
       {std::pair(RequantMode::fixed, "fixed"), std::pair(RequantMode::floating, "float")}) {
    SessionOptions options;
    options.requant = mode;
    runtime::OneOp op = runtime::OneOp::create(one, nullptr, options).value();
    for (graph::ValueId id : op.inputs()) std::ranges::copy(trace.bytes(id), op.input(id).begin());
    op.run();
    const std::string name = fmt::format("{}_{}.bin", number, label);
    write(folder / name, op.output());
    layer[label] = tensor(whole.output(node), name);
  }
  return layer;
}

void run(const std::string& model_path, const std::string& input_path, const std::filesystem::path& folder) {
  const Model model = Model::load(model_path).value();
  const std::string argument[] = {input_path};
  const tools::Samples samples = tools::Samples::create(tools::read_inputs(argument, model).value(), model).value();
  const tools::FloatBatch batch = tools::float_batch(samples, 0);
  // The whole network in that runtime's own rounding: with layers that agree, so do the outputs.
  SessionOptions options;
  options.requant = RequantMode::floating;
  runtime::Trace trace = runtime::Trace::create(model, batch.tensors, options).value();
  trace.run(batch.tensors).value();
  std::filesystem::create_directories(folder);
  auto layers = nlohmann::json::array();
  for (const graph::Node& node : trace.graph().nodes) {
    if (!computes(trace.graph(), node)) continue;
    layers.push_back(cut(trace, node, static_cast<int>(layers.size()), folder));
  }
  nlohmann::json index = {{"model", std::filesystem::absolute(model_path).string()}, {"layers", layers}};
  for (std::size_t i = 0; i < trace.graph().inputs.size(); ++i) {
    const graph::ValueId id = trace.graph().inputs[i];
    const std::string name = fmt::format("input{}.bin", i);
    write(folder / name, trace.bytes(id));
    index["inputs"].push_back(tensor(trace.graph()[id], name));
  }
  for (std::size_t i = 0; i < trace.graph().outputs.size(); ++i) {
    const graph::ValueId id = trace.graph().outputs[i];
    const std::string name = fmt::format("output{}.bin", i);
    write(folder / name, trace.bytes(id));
    index["outputs"].push_back(tensor(trace.graph()[id], name));
  }
  std::ofstream(folder / "index.json") << index.dump(1) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw Error("usage: peer_layers MODEL.onnx INPUT.npy FOLDER");
  run(argv[1], argv[2], argv[3]);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "peer_layers: {}\n", error.what());
  return 1;
}
