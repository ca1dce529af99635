// SPDX-License-Identifier: Apache-2.0
#include "tools/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace octet::tools {
namespace {

std::string names_of(const std::vector<TensorInfo>& infos) {
  std::string names;
  for (const TensorInfo& info : infos) names += (names.empty() ? "'" : ", '") + info.name + "'";
  return names;
}

}  // namespace

Result<std::vector<NamedArray>> read_inputs(std::span<const std::string> arguments, const Model& model) {
  const std::vector<TensorInfo> infos = model.inputs();
  std::vector<std::optional<Array>> arrays(infos.size());
  for (const std::string& argument : arguments) {
    std::size_t index = infos.size();
    std::string path = argument;
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (argument.starts_with(infos[i].name + "=")) {
        index = i;
        path = argument.substr(infos[i].name.size() + 1);
      }
    }
    if (index == infos.size()) {
      const std::size_t equals = argument.find('=');
      if (infos.size() == 1 && (equals == std::string::npos || std::filesystem::exists(argument))) {
        index = 0;
      } else if (equals != std::string::npos) {
        return Status::error(fmt::format("input '{}' does not exist: the model's inputs are {}",
                                         argument.substr(0, equals), names_of(infos)));
      } else {
        return Status::error(
            fmt::format("'{}': the model has {} inputs, write NAME=FILE with NAME one of {}", argument, infos.size(), names_of(infos)));
      }
    }
    if (arrays[index]) return Status::error(fmt::format("input '{}' is given twice", infos[index].name));
    Result<Array> array = read_npy(path);
    if (!array.ok()) return array.status();
    if (array->dtype != infos[index].dtype) {
      return Status::error(fmt::format("input '{}': '{}' holds {}, the model takes {}", infos[index].name, path,
                                       name_of(array->dtype), name_of(infos[index].dtype)));
    }
    arrays[index] = std::move(*array);
  }
  std::vector<NamedArray> inputs;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!arrays[i]) return Status::error(fmt::format("input '{}' is not given: the model's inputs are {}", infos[i].name, names_of(infos)));
    inputs.push_back({infos[i].name, std::move(*arrays[i])});
  }
  return inputs;
}

Result<Samples> Samples::create(std::vector<NamedArray> inputs, const Model& model) {
  Samples samples;
  const std::vector<TensorInfo> infos = model.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& given = inputs[i].array.shape;
    const Shape& declared = infos[i].shape;
    if (given.rank() == 0) return Status::error(fmt::format("input '{}': the file has no first axis that counts samples", infos[i].name));
    if (declared.rank() != given.rank()) {
      return Status::error(fmt::format("input '{}': the file has shape {}, the model takes {} with samples along the first axis",
                                       infos[i].name, to_string(given), to_string(declared)));
    }
    for (int axis = 1; axis < given.rank(); ++axis) {
      if (declared[axis] >= 0 && declared[axis] != given[axis]) {
        return Status::error(fmt::format("input '{}': the file has shape {}, the model takes {}", infos[i].name,
                                         to_string(given), to_string(declared)));
      }
    }
    if (i > 0 && given[0] != samples.count_) {
      return Status::error(fmt::format("input '{}' has {} samples, input '{}' has {}", infos[i].name, given[0],
                                       infos[0].name, samples.count_));
    }
    samples.count_ = given[0];
    if (declared[0] > 0) samples.batch_ = declared[0];
  }
  if (samples.count_ == 0 || samples.count_ % samples.batch_ != 0) {
    return Status::error(fmt::format("{} samples: must be a positive multiple of the model's batch size {}",
                                     samples.count_, samples.batch_));
  }
  samples.inputs_ = std::move(inputs);
  return samples;
}

Shape Samples::shape(std::size_t i) const {
  Shape shape = inputs_[i].array.shape;
  shape[0] = batch_;
  return shape;
}

std::span<const std::byte> Samples::bytes(std::size_t i, std::int64_t batch_index) const {
  const auto size = inputs_[i].array.bytes.size() / static_cast<std::size_t>(batches());
  return std::span(inputs_[i].array.bytes).subspan(static_cast<std::size_t>(batch_index) * size, size);
}

std::map<std::string, Shape> Samples::shapes() const {
  std::map<std::string, Shape> shapes;
  for (std::size_t i = 0; i < inputs_.size(); ++i) shapes[inputs_[i].name] = shape(i);
  return shapes;
}

}  // namespace octet::tools
