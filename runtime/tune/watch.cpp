// SPDX-License-Identifier: Apache-2.0
#include "runtime/tune/watch.h"

#include <fmt/format.h>
#include <octet/session.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime/model_impl.h"

namespace octet::runtime {
namespace {

// Where a watched value stands after a run.
struct Place {
  bool is_input;
  std::size_t index;
};

// Only these values are computed: an output costs a copy in the declared layout and keeps neighbours apart.
std::vector<Place> tap(graph::Graph& graph, std::span<const graph::ValueId> values) {
  std::vector<Place> places;
  graph.outputs.clear();
  for (graph::ValueId id : values) {
    const auto input = std::find(graph.inputs.begin(), graph.inputs.end(), id);
    const auto output = std::find(graph.outputs.begin(), graph.outputs.end(), id);
    const bool is_input = input != graph.inputs.end();
    places.push_back(
        {is_input, static_cast<std::size_t>(is_input ? input - graph.inputs.begin() : output - graph.outputs.begin())});
    if (!is_input && output == graph.outputs.end()) graph.outputs.push_back(id);
  }
  return places;
}

template <class T>
void copy_as(std::span<const float> values, std::span<std::byte> bytes) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T element = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
  }
}

// A calibrator has seen these samples before: whole numbers are whole and fit.
Status fill(Session& session, std::size_t index, std::span<const NamedTensor> batch) {
  const TensorInfo& info = session.inputs()[index];
  const auto given = std::find_if(batch.begin(), batch.end(), [&](const NamedTensor& tensor) {
    return tensor.name == info.name || (tensor.name.empty() && session.inputs().size() == 1);
  });
  const std::span<std::byte> bytes = session.input_bytes(index);
  if (given == batch.end() || given->values.size() * size_of(info.dtype) != bytes.size()) {
    return Status::error(
        fmt::format("input '{}': each batch needs values of shape {}", info.name, to_string(info.shape)));
  }
  if (info.dtype == DType::f32) copy_as<float>(given->values, bytes);
  if (info.dtype == DType::s64) copy_as<std::int64_t>(given->values, bytes);
  if (info.dtype == DType::s32) copy_as<std::int32_t>(given->values, bytes);
  if (info.dtype == DType::s8) copy_as<std::int8_t>(given->values, bytes);
  if (info.dtype == DType::u8 || info.dtype == DType::boolean) copy_as<std::uint8_t>(given->values, bytes);
  return {};
}

// All elements of an activation as reals.
std::vector<float> reals(const graph::Value& value, std::span<const std::byte> bytes) {
  std::vector<float> all(bytes.size() / size_of(value.dtype));
  if (!value.is_quantized()) {
    std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
  }
  const float scale = value.quant.scale[0];
  const std::int32_t zero_point = value.quant.zero_point[0];
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    const std::int32_t code = value.dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
    all[i] = scale * static_cast<float>(code - zero_point);
  }
  return all;
}

}  // namespace

Status watch(const Model& model, std::span<const graph::ValueId> values, const Batches& batches, const Visit& visit) {
  graph::Graph tapped = model.impl().graph;
  const std::vector<Place> places = tap(tapped, values);
  const graph::Graph& graph = model.impl().graph;
  std::optional<Session> session;
  for (std::int64_t b = 0; b < batches.count; ++b) {
    const std::vector<NamedTensor> batch = batches.get(b);
    if (!session) {
      SessionOptions options;
      options.threads = 1;  // many short runs: a second thread spends them waiting for its turn beside other pools
      for (const NamedTensor& tensor : batch) {
        options.input_shapes[tensor.name.empty() ? graph[graph.inputs[0]].name : std::string(tensor.name)] =
            tensor.shape;
      }
      Result<Session> made = Session::create(make_model(std::move(tapped), model.impl().float_prepare), options);
      if (!made.ok()) return made.status();
      session.emplace(std::move(*made));
    }
    for (std::size_t i = 0; i < session->inputs().size(); ++i) {
      if (Status status = fill(*session, i, batch); !status.ok()) return status;
    }
    session->run();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto [is_input, at] = places[i];
      const std::vector<float> x =
          reals(graph[values[i]], is_input ? session->input_bytes(at) : session->output_bytes(at));
      const Shape& shape = is_input ? session->inputs()[at].shape : session->outputs()[at].shape;
      if (Status status = visit(i, x, shape); !status.ok()) return status;
    }
  }
  return {};
}

}  // namespace octet::runtime
