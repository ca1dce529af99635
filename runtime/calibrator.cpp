// SPDX-License-Identifier: Apache-2.0
// The float model with every value that matters as an output, shown to one observer each.
#include "runtime/calibrator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/quantize/calibration_record.h"
#include "graph/quantize/qconfig.h"
#include "runtime/float_environment.h"
#include "runtime/model_impl.h"

namespace octet {
namespace {

using graph::ValueId;
using runtime::FloatEnvironment;

std::string names_of(std::span<const TensorInfo> infos) {
  std::string names;
  for (const TensorInfo& info : infos) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", info.name);
  return names;
}

Status check_shape(const NamedTensor& given, const TensorInfo& declared) {
  bool fits = given.shape.rank() == declared.shape.rank();
  std::int64_t count = 1;
  for (int axis = 0; fits && axis < given.shape.rank(); ++axis) {
    fits = given.shape[axis] >= 1 && (declared.shape[axis] < 0 || declared.shape[axis] == given.shape[axis]) &&
           !__builtin_mul_overflow(count, given.shape[axis], &count);
  }
  if (!fits) {
    return Status::error(fmt::format("input '{}': shape {}: must fit the declared {}", declared.name,
                                     to_string(given.shape), to_string(declared.shape)));
  }
  if (static_cast<std::uint64_t>(count) != given.values.size()) {
    return Status::error(fmt::format("input '{}': {} values: shape {} needs {}", declared.name, given.values.size(),
                                     to_string(given.shape), count));
  }
  return {};
}

// The first NaN, as a sentence that counts samples along axis 0 from `first_sample`; ok if none.
Status check_numbers(std::span<const float> values, std::string_view what, const std::string& name, const Shape& shape,
                     std::int64_t first_sample) {
  const auto nan = std::find_if(values.begin(), values.end(), [](float x) { return std::isnan(x); });
  if (nan == values.end()) return {};
  const std::int64_t at = nan - values.begin();
  const std::int64_t sample_size = shape.rank() > 0 ? shape.count(1, shape.rank()) : 1;
  return Status::error(fmt::format("{} '{}': NaN in sample {} at element {}: calibration needs numbers", what, name,
                                   first_sample + at / sample_size, at % sample_size));
}

// Integer inputs (token ids) come as floats too, as NamedTensor has nothing else.
template <class T>
Status copy_integers(const NamedTensor& given, const TensorInfo& info, std::span<std::byte> bytes) {
  // One past the largest T, exact as float; T's own maximum may not be.
  constexpr float kBeyond = static_cast<float>(std::numeric_limits<T>::max() / 2 + 1) * 2;
  const std::span<T> target(reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < target.size(); ++i) {
    const float x = given.values[i];
    if (x != std::trunc(x) || x < static_cast<float>(std::numeric_limits<T>::lowest()) || x >= kBeyond) {
      return Status::error(fmt::format("input '{}': {} at element {}: its type {} has no such number", info.name, x, i,
                                       name_of(info.dtype)));
    }
    target[i] = static_cast<T>(x);
  }
  return {};
}

Status copy_input(const NamedTensor& given, const TensorInfo& info, std::span<std::byte> bytes) {
  switch (info.dtype) {
    case DType::f32:
      std::ranges::copy(std::as_bytes(given.values), bytes.begin());
      return {};
    case DType::u8:
      return copy_integers<std::uint8_t>(given, info, bytes);
    case DType::s8:
      return copy_integers<std::int8_t>(given, info, bytes);
    case DType::s32:
      return copy_integers<std::int32_t>(given, info, bytes);
    case DType::s64:
      return copy_integers<std::int64_t>(given, info, bytes);
    case DType::boolean:
      break;
  }
  return Status::error(fmt::format("input '{}': type {} cannot be calibrated", info.name, name_of(info.dtype)));
}

}  // namespace

std::span<const float> Calibrator::Impl::elements(const Watched& value, std::span<const NamedTensor> in_order) const {
  return value.input ? in_order[*value.input].values : session->output<float>(*value.output);
}

Result<Calibrator> Calibrator::create(const Model& fp32, const QConfig& config) {
  const graph::Graph& source = fp32.impl().graph;
  if (Status status = graph::check_config(config, source); !status.ok()) return status;
  if (graph::is_quantized(source)) {
    return Status::error(
        fmt::format("model '{}' is quantized already: calibration needs the float model", source.name));
  }
  const std::vector<graph::Wanted> all = graph::values_to_observe(source, config);
  if (all.empty()) {
    return Status::error(fmt::format("model '{}': none of its operators can be computed in int8", source.name));
  }
  graph::Graph tapped = source;
  tapped.outputs.clear();
  std::vector<Impl::Watched> watched;
  for (const graph::Wanted& wanted : all) {
    watched.push_back({wanted, graph::make_observer(wanted.observer), {}, {}, {}});
    const auto input = std::ranges::find(source.inputs, wanted.value);
    if (input != source.inputs.end()) {
      watched.back().input = static_cast<std::size_t>(input - source.inputs.begin());
    } else {
      watched.back().output = tapped.outputs.size();
      tapped.outputs.push_back(wanted.value);
    }
  }
  const kernels::PrepareFn float_prepare = fp32.impl().float_prepare;
  return Calibrator(std::unique_ptr<Impl>(new Impl{fp32,
                                                   config,
                                                   fp32.inputs(),
                                                   std::move(watched),
                                                   runtime::make_model(std::move(tapped), float_prepare),
                                                   std::nullopt,
                                                   {},
                                                   0}));
}

Result<std::vector<NamedTensor>> Calibrator::Impl::match(std::span<const NamedTensor> given) const {
  std::vector<std::optional<NamedTensor>> found(inputs.size());
  for (const NamedTensor& tensor : given) {
    std::size_t at = 0;
    while (at < inputs.size() && inputs[at].name != tensor.name) ++at;
    if (tensor.name.empty() && inputs.size() == 1) at = 0;
    if (at == inputs.size()) {
      return Status::error(fmt::format("no input '{}': the model has {}", tensor.name, names_of(inputs)));
    }
    if (found[at]) return Status::error(fmt::format("input '{}' is given twice", inputs[at].name));
    found[at] = tensor;
  }
  std::vector<NamedTensor> in_order;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!found[i])
      return Status::error(fmt::format("input '{}' is not given: a sample needs {}", inputs[i].name, names_of(inputs)));
    in_order.push_back(*found[i]);
  }
  return in_order;
}

Status Calibrator::Impl::prepare(std::span<const NamedTensor> in_order) {
  std::map<std::string, Shape> wanted;
  for (std::size_t i = 0; i < inputs.size(); ++i) wanted[inputs[i].name] = in_order[i].shape;
  if (!session || wanted != shapes) {
    SessionOptions options;
    options.input_shapes = wanted;
    Result<Session> made = Session::create(tapped, options);
    if (!made.ok()) return made.status();
    session.emplace(std::move(made).value());
    shapes = std::move(wanted);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (Status status = copy_input(in_order[i], inputs[i], session->input_bytes(i)); !status.ok()) return status;
  }
  return {};
}

Status Calibrator::observe(std::span<const NamedTensor> given, std::optional<std::int64_t> first_sample) {
  const FloatEnvironment environment;
  Impl& self = *impl_;
  const std::int64_t first = first_sample.value_or(self.samples);
  Result<std::vector<NamedTensor>> in_order = self.match(given);
  if (!in_order.ok()) return in_order.status();
  for (std::size_t i = 0; i < self.inputs.size(); ++i) {
    const NamedTensor& tensor = (*in_order)[i];
    if (Status status = check_shape(tensor, self.inputs[i]); !status.ok()) return status;
    Status status = check_numbers(tensor.values, "input", self.inputs[i].name, tensor.shape, first);
    if (!status.ok()) return status;
  }
  const bool runs = !self.tapped.impl().graph.outputs.empty();
  if (runs) {
    if (Status status = self.prepare(*in_order); !status.ok()) return status;
    self.session->run();
  }
  // All of them are looked at before any observer is: a refused batch leaves no trace.
  for (const Impl::Watched& value : self.watched) {
    if (!value.output) continue;
    const TensorInfo& info = self.session->outputs()[*value.output];
    Status status = check_numbers(self.elements(value, *in_order), "activation", info.name, info.shape, first);
    if (!status.ok()) return status;
  }
  const bool counted = !in_order->empty() && in_order->front().shape.rank() > 0;
  const std::int64_t samples = counted ? in_order->front().shape[0] : 1;
  for (Impl::Watched& value : self.watched) {
    const std::span<const float> elements = self.elements(value, *in_order);
    value.observer->observe(elements);
    // Where axis 0 is not that of the samples any more, the whole batch is called by its first one.
    const Shape& shape = value.input ? (*in_order)[*value.input].shape : self.session->outputs()[*value.output].shape;
    const bool by_sample = shape.rank() > 0 && shape[0] == samples;
    value.extremes.observe(elements, first, by_sample ? samples : 1);
  }
  self.samples += samples;
  return {};
}

std::vector<Range> Calibrator::Impl::chosen_ranges() const {
  std::vector<Range> ranges(model.impl().graph.values.size());
  for (const Watched& value : watched) {
    ranges[static_cast<std::size_t>(value.wanted.value)] = value.observer->range(value.wanted.codes);
  }
  return ranges;
}

std::vector<ObservedTensor> Calibrator::provenance() const {
  const FloatEnvironment environment;
  std::vector<ObservedTensor> all;
  for (const Impl::Watched& value : impl_->watched) {
    const Range chosen = value.observer->range(value.wanted.codes);
    all.push_back({impl_->model.impl().graph[value.wanted.value].name, value.wanted.observer.kind, value.extremes.seen,
                   value.extremes.min_sample, value.extremes.max_sample, chosen, value.observer->clipped_share(chosen),
                   value.observer->shares(64)});
  }
  return all;
}

Result<Model> Calibrator::convert() const {
  const FloatEnvironment environment;
  Result<graph::Graph> int8 = graph::convert(impl_->model.impl().graph, impl_->chosen_ranges(), impl_->config);
  if (!int8.ok()) return int8.status();
  return runtime::make_model(std::move(*int8), impl_->model.impl().float_prepare, graph::calibration_record(*this));
}

std::int64_t Calibrator::samples() const noexcept { return impl_->samples; }
const QConfig& Calibrator::config() const noexcept { return impl_->config; }

Calibrator::Calibrator(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Calibrator::Calibrator(Calibrator&&) noexcept = default;
Calibrator& Calibrator::operator=(Calibrator&&) noexcept = default;
Calibrator::~Calibrator() = default;

}  // namespace octet
