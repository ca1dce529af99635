// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/input_sums.h"

#include <algorithm>

#include "graph/quantize/channel_scales.h"
#include "graph/window.h"

namespace octet::graph {
namespace {

// The positions of a window at which one of its taps stands inside the image: [first, last).
struct Inside {
  Inside(const Window& window, std::size_t axis, std::int64_t tap, std::int64_t size, std::int64_t stops) {
    stride = window.stride[axis];
    offset = tap * window.dilation[axis] - window.pad_begin[axis];
    first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
    last = size > offset ? std::min(stops, (size - 1 - offset) / stride + 1) : 0;
  }
  std::int64_t at(std::int64_t stop) const { return stop * stride + offset; }
  std::int64_t stride, offset, first, last;
};

}  // namespace

InputSums::InputSums(const Graph& graph, const Node& node) : node_(node) {
  const WeightLayout layout(graph, node);
  inputs_ = layout.inputs;
  outputs_ = layout.outputs;
  columns_ = layout.columns;
  taps_ = layout.taps;
  rows_per_group_ = layout.rows_per_group;
  sums_.resize(static_cast<std::size_t>(inputs_ * taps_));
}

Status InputSums::add(std::span<const float> x, const Shape& shape) {
  if (node_.op == Op::Conv2d) return add_image(x, shape);
  for (std::size_t i = 0; i < x.size(); ++i) sums_[i % sums_.size()] += x[i];
  positions_ += static_cast<double>(x.size() / sums_.size());
  return {};
}

Status InputSums::add_image(std::span<const float> x, const Shape& shape) {
  Window window = node_.as<Conv2dAttrs>().window;
  const std::array<std::int64_t, 2> image{shape[2], shape[3]};
  const auto stops = slide(node_, window, image, false);
  if (!stops.ok()) return stops.status();
  for (std::int64_t plane = 0; plane < shape[0] * inputs_; ++plane) {
    const auto pixels = x.subspan(static_cast<std::size_t>(plane * image[0] * image[1]));
    double* sums = &sums_[static_cast<std::size_t>(plane % inputs_ * taps_)];
    for (std::int64_t ky = 0; ky < window.kernel[0]; ++ky) {
      const Inside rows(window, 0, ky, image[0], (*stops)[0]);
      for (std::int64_t kx = 0; kx < window.kernel[1]; ++kx) {
        const Inside columns(window, 1, kx, image[1], (*stops)[1]);
        double sum = 0;
        for (std::int64_t oy = rows.first; oy < rows.last; ++oy) {
          for (std::int64_t ox = columns.first; ox < columns.last; ++ox) {
            sum += pixels[static_cast<std::size_t>(rows.at(oy) * image[1] + columns.at(ox))];
          }
        }
        *sums++ += sum;
      }
    }
  }
  positions_ += static_cast<double>(shape[0] * (*stops)[0] * (*stops)[1]);
  return {};
}

std::vector<double> InputSums::mean_outputs(std::span<const float> weights) const {
  std::vector<double> means(static_cast<std::size_t>(outputs_));
  if (positions_ == 0) return means;
  const auto row_size = static_cast<std::size_t>(columns_ * taps_);
  for (std::size_t c = 0; c < means.size(); ++c) {
    const std::int64_t group = static_cast<std::int64_t>(c) / rows_per_group_;
    const double* sums = &sums_[static_cast<std::size_t>(group * columns_ * taps_)];
    for (std::size_t k = 0; k < row_size; ++k) means[c] += weights[c * row_size + k] * sums[k];
    means[c] /= positions_;
  }
  return means;
}

}  // namespace octet::graph
