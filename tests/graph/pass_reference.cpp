// SPDX-License-Identifier: Apache-2.0
#include "tests/graph/pass_reference.h"

#include <algorithm>
#include <cmath>

#include "tests/support/catch.h"

namespace octet::graph {
namespace {

using namespace reference;

double clamped(double x, const Clamp& clamp) { return std::min<double>(std::max<double>(x, clamp.lo), clamp.hi); }

double rounded(double x, const Value& value, std::size_t channel) {
  const double scale = value.quant.scale[channel];
  const int zero_point = value.quant.zero_point[channel], least = value.dtype == DType::s8 ? -128 : 0;
  const double code =
      std::clamp<double>(std::nearbyint(static_cast<float>(x / scale)) + zero_point, least, least + 255);
  return scale * (code - zero_point);
}

std::size_t channel_of(const Value& value, const Index& index) {
  return value.quant.axis < 0 ? 0 : static_cast<std::size_t>(index[static_cast<std::size_t>(value.quant.axis)]);
}

Numbers constant_numbers(const Value& value) {
  return generate(value.shape, [&](const Index& index) -> double {
    const std::size_t i = at(value.shape, index);
    double code = 0;
    switch (value.dtype) {
      case DType::f32:
        return value.as<float>()[i];
      case DType::s64:
        return static_cast<double>(value.as<std::int64_t>()[i]);
      case DType::u8:
        code = value.as<std::uint8_t>()[i];
        break;
      case DType::s8:
        code = value.as<std::int8_t>()[i];
        break;
      case DType::s32:
        code = value.as<std::int32_t>()[i];
        break;
      case DType::boolean:
        break;
    }
    if (!value.is_quantized()) return code;
    const std::size_t c = channel_of(value, index);
    return value.quant.scale[c] * (code - value.quant.zero_point[c]);
  });
}

double apply(const UnaryAttrs& attrs, double x) {
  switch (attrs.fn) {
    case UnaryFn::relu:
      return std::max(x, 0.0);
    case UnaryFn::clip:
      return clamped(x, attrs.clip);
    case UnaryFn::leaky_relu:
      return x < 0 ? attrs.alpha * x : x;
    case UnaryFn::sigmoid:
      return 1 / (1 + std::exp(-x));
    case UnaryFn::hard_sigmoid:
      return std::clamp(attrs.alpha * x + attrs.beta, 0.0, 1.0);
    case UnaryFn::hard_swish:
      return x * std::clamp(x / 6 + 0.5, 0.0, 1.0);
    case UnaryFn::silu:
      return x / (1 + std::exp(-x));
    case UnaryFn::erf:
      return std::erf(x);
    case UnaryFn::gelu_erf:
      return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5)));
    case UnaryFn::tanh:
      return std::tanh(x);
    case UnaryFn::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    default:
      FAIL("not in the reference");
      return 0;
  }
}

double apply(BinaryFn fn, double a, double b) {
  switch (fn) {
    case BinaryFn::add:
      return a + b;
    case BinaryFn::sub:
      return a - b;
    case BinaryFn::mul:
      return a * b;
    case BinaryFn::div:
      return a / b;
    case BinaryFn::pow:
      return std::pow(a, b);
    default:
      FAIL("not in the reference");
      return 0;
  }
}

Numbers mean(const Node& node, const Numbers& x, const Shape& shape) {
  const auto& attrs = node.as<ReduceMeanAttrs>();
  Numbers y{shape, std::vector<double>(static_cast<std::size_t>(shape.count()), 0)};
  for_each_index(x.shape, [&](const Index& index) {
    Index to;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const bool reduced =
          attrs.axes.empty() || std::count(attrs.axes.begin(), attrs.axes.end(), static_cast<std::int64_t>(axis)) > 0;
      if (!reduced) to.push_back(index[axis]);
      if (reduced && attrs.keep_dims) to.push_back(0);
    }
    y.elements[at(shape, to)] += x.elements[at(x.shape, index)];
  });
  for (double& element : y.elements)
    element *= static_cast<double>(shape.count()) / static_cast<double>(x.shape.count());
  return y;
}

Numbers softmax(const Numbers& x, std::int64_t axis) {
  return generate(x.shape, [&](const Index& index) {
    double sum = 0;
    Index other = index;
    const auto a = static_cast<std::size_t>(axis < 0 ? axis + x.shape.rank() : axis);
    for (other[a] = 0; other[a] < x.shape[static_cast<int>(a)]; ++other[a])
      sum += std::exp(x.elements[at(x.shape, other)]);
    return std::exp(x.elements[at(x.shape, index)]) / sum;
  });
}

// Output element by output element, from the input element that it came from; 0 where there is none.
template <class Source>
Numbers moved(const Numbers& x, const Shape& shape, Source source) {
  return generate(shape, [&](const Index& index) {
    const Index from = source(index);
    for (std::size_t axis = 0; axis < from.size(); ++axis)
      if (from[axis] < 0 || from[axis] >= x.shape[static_cast<int>(axis)]) return 0.0;
    return x.elements[at(x.shape, from)];
  });
}

Numbers concat(const Node& node, const Inputs& in, const Shape& shape) {
  const auto axis = node.as<ConcatAttrs>().axis;
  const auto a = static_cast<std::size_t>(axis < 0 ? axis + shape.rank() : axis);
  return generate(shape, [&](Index index) {
    std::size_t part = 0;
    while (index[a] >= in[part]->shape[static_cast<int>(a)]) index[a] -= in[part++]->shape[static_cast<int>(a)];
    return in[part]->elements[at(in[part]->shape, index)];
  });
}

Numbers compute(const Node& node, std::size_t output, const Inputs& in, const Shape& shape) {
  const Numbers& x = *in[0];
  switch (node.op) {
    case Op::Conv2d:
      return conv(node, in, shape);
    case Op::ConvTranspose2d:
      return conv_transpose(node, in, shape);
    case Op::Dense:
      return product(x, *in[1], true, in.size() > 2 ? in[2] : nullptr, shape);
    case Op::MatMul:
      return product(x, *in[1], false, nullptr, shape);
    case Op::Pool:
      return pool(node, x, shape);
    case Op::BatchNorm:
      return generate(shape, [&](const Index& index) {
        const auto c = static_cast<std::size_t>(index[1]);
        const auto of = [&](std::size_t input) { return in[input]->elements[c]; };
        const double deviation = std::sqrt(of(4) + node.as<BatchNormAttrs>().epsilon);
        return (x.elements[at(shape, index)] - of(3)) / deviation * of(1) + of(2);
      });
    case Op::ReduceMean:
      return mean(node, x, shape);
    case Op::Softmax:
      return softmax(x, node.as<SoftmaxAttrs>().axis);
    case Op::Concat:
      return concat(node, in, shape);
    case Op::Reshape:
      return {shape, x.elements};
    case Op::Quantize:
      return generate(
          shape, [&](const Index& i) { return clamped(x.elements[at(x.shape, i)], node.as<QuantizeAttrs>().clamp); });
    case Op::Dequantize:
    case Op::Requantize:
      return x;
    case Op::Unary:
      return generate(shape, [&](const Index& i) { return apply(node.as<UnaryAttrs>(), x.elements[at(x.shape, i)]); });
    case Op::Binary:
      return generate(shape, [&](const Index& index) {
        double operand[2];
        for (std::size_t side = 0; side < 2; ++side) {
          const Shape& from = in[side]->shape;
          Index i(index.end() - from.rank(), index.end());
          for (std::size_t axis = 0; axis < i.size(); ++axis)
            if (from[static_cast<int>(axis)] == 1) i[axis] = 0;
          operand[side] = in[side]->elements[at(from, i)];
        }
        return apply(node.as<BinaryAttrs>().fn, operand[0], operand[1]);
      });
    case Op::Transpose:
      return moved(x, shape, [&](const Index& index) {
        Index from(index.size());
        const auto& perm = node.as<TransposeAttrs>().perm;
        for (std::size_t axis = 0; axis < perm.size(); ++axis) from[static_cast<std::size_t>(perm[axis])] = index[axis];
        return from;
      });
    case Op::Slice:
      return moved(x, shape, [&](Index index) {
        const auto& attrs = node.as<SliceAttrs>();
        for (std::size_t axis = 0; axis < index.size(); ++axis)
          index[axis] = attrs.start[axis] + index[axis] * attrs.step[axis];
        return index;
      });
    case Op::Pad:
      return moved(x, shape, [&](Index index) {
        for (std::size_t axis = 0; axis < index.size(); ++axis) index[axis] -= node.as<PadAttrs>().begin[axis];
        return index;
      });
    case Op::Split:
      return moved(x, shape, [&](Index index) {
        const auto& attrs = node.as<SplitAttrs>();
        for (std::size_t part = 0; part < output; ++part)
          index[static_cast<std::size_t>(attrs.axis)] += attrs.sizes[part];
        return index;
      });
    case Op::Resize:  // nearest, asymmetric, floor
      return moved(x, shape, [&](Index index) {
        for (std::size_t axis = 0; axis < index.size(); ++axis)
          index[axis] =
              static_cast<std::int64_t>(static_cast<float>(index[axis]) / node.as<ResizeAttrs>().scales[axis]);
        return index;
      });
    default:
      FAIL("not in the reference: " << name_of(node.op));
      return {};
  }
}

Clamp clamp_of(const Node& node) {
  if (const auto* attrs = std::get_if<Conv2dAttrs>(&node.attrs)) return attrs->clamp;
  if (const auto* attrs = std::get_if<ConvTranspose2dAttrs>(&node.attrs)) return attrs->clamp;
  if (const auto* attrs = std::get_if<DenseAttrs>(&node.attrs)) return attrs->clamp;
  if (const auto* attrs = std::get_if<MatMulAttrs>(&node.attrs)) return attrs->clamp;
  if (const auto* attrs = std::get_if<BinaryAttrs>(&node.attrs)) return attrs->clamp;
  return {};
}

// Clamps, and rounds what is codes.
void finish(Numbers& numbers, const Value& value, const Clamp& clamp) {
  std::size_t i = 0;
  for_each_index(numbers.shape, [&](const Index& index) {
    double& x = numbers.elements[i++];
    x = clamped(x, clamp);
    if (value.is_quantized()) x = rounded(x, value, channel_of(value, index));
  });
}

}  // namespace

std::map<std::string, Numbers> evaluate(const Graph& graph, const std::map<std::string, std::vector<double>>& inputs) {
  std::vector<Numbers> numbers(graph.values.size());
  for (ValueId id : graph.inputs) numbers[static_cast<std::size_t>(id)] = {graph[id].shape, inputs.at(graph[id].name)};
  for (std::size_t v = 0; v < graph.values.size(); ++v)
    if (graph.values[v].is_constant()) numbers[v] = constant_numbers(graph.values[v]);
  for (const Node& node : graph.nodes) {
    INFO(node.name);
    Inputs in;
    for (ValueId id : node.inputs) in.push_back(id == kNone ? nullptr : &numbers[static_cast<std::size_t>(id)]);
    for (std::size_t output = 0; output < node.outputs.size(); ++output) {
      const Value& value = graph[node.outputs[output]];
      Numbers y = compute(node, output, in, value.shape);
      REQUIRE(static_cast<std::int64_t>(y.elements.size()) == value.shape.count());
      const auto* conv_attrs = std::get_if<Conv2dAttrs>(&node.attrs);
      if (conv_attrs != nullptr && conv_attrs->residual.present) {
        Value inner = value;
        inner.quant = conv_attrs->residual.quant;
        finish(y, inner, conv_attrs->residual.clamp);
        for (std::size_t i = 0; i < y.elements.size(); ++i) y.elements[i] += in[3]->elements[i];
      }
      finish(y, value, clamp_of(node));
      numbers[static_cast<std::size_t>(node.outputs[output])] = std::move(y);
    }
  }
  std::map<std::string, Numbers> outputs;
  for (ValueId id : graph.outputs) outputs[graph[id].name] = numbers[static_cast<std::size_t>(id)];
  return outputs;
}

std::map<std::string, std::vector<double>> random_inputs(const Graph& graph, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<double> uniform(-2, 2);
  std::map<std::string, std::vector<double>> inputs;
  for (ValueId id : graph.inputs) {
    auto& elements = inputs[graph[id].name];
    for (std::int64_t i = 0; i < graph[id].shape.count(); ++i) {
      const double x = static_cast<float>(uniform(engine));
      elements.push_back(graph[id].is_quantized() ? rounded(x, graph[id], 0) : x);
    }
  }
  return inputs;
}

double difference(const Graph& before, const Graph& after, std::uint32_t seed) {
  const auto inputs = random_inputs(before, seed);
  const auto expected = evaluate(before, inputs), got = evaluate(after, inputs);
  REQUIRE(expected.size() == got.size());
  double worst = 0;
  for (const auto& [name, numbers] : expected) {
    INFO(name);
    REQUIRE(got.contains(name));
    REQUIRE(got.at(name).shape == numbers.shape);
    for (std::size_t i = 0; i < numbers.elements.size(); ++i)
      worst = std::max(worst, std::abs(numbers.elements[i] - got.at(name).elements[i]));
  }
  return worst;
}

}  // namespace octet::graph
