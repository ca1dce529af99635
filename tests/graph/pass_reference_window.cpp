// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tests/graph/pass_reference.h"

namespace octet::graph::reference {
namespace {

// An image read by (n, c, h, w) whichever way it lies.
struct Image {
  const Numbers& numbers;
  bool channels_last;
  std::int64_t size(int axis) const { return numbers.shape[place(axis)]; }
  int place(int axis) const { return !channels_last || axis == 0 ? axis : axis == 1 ? 3 : axis - 1; }
  double operator()(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    return numbers.elements[at(numbers.shape, channels_last ? Index{n, h, w, c} : Index{n, c, h, w})];
  }
};

Index plain(const Index& index, bool channels_last) {
  return channels_last ? Index{index[0], index[3], index[1], index[2]} : index;
}

}  // namespace

Numbers conv(const Node& node, const Inputs& in, const Shape& shape) {
  const auto& attrs = node.as<Conv2dAttrs>();
  const Image x{*in[0], attrs.channels_last}, w{*in[1], false};
  const std::int64_t per_group = w.size(1), out_per_group = w.size(0) / attrs.groups;
  const auto& window = attrs.window;
  return generate(shape, [&](const Index& raw) {
    const Index y = plain(raw, attrs.channels_last);
    double sum = in.size() > 2 && in[2] != nullptr ? in[2]->elements[static_cast<std::size_t>(y[1])] : 0;
    for (std::int64_t c = 0; c < per_group; ++c)
      for (std::int64_t i = 0; i < w.size(2); ++i)
        for (std::int64_t j = 0; j < w.size(3); ++j) {
          const std::int64_t h = y[2] * window.stride[0] - window.pad_begin[0] + i * window.dilation[0];
          const std::int64_t v = y[3] * window.stride[1] - window.pad_begin[1] + j * window.dilation[1];
          if (h < 0 || v < 0 || h >= x.size(2) || v >= x.size(3)) continue;
          sum += x(y[0], y[1] / out_per_group * per_group + c, h, v) * w(y[1], c, i, j);
        }
    return sum;
  });
}

Numbers conv_transpose(const Node& node, const Inputs& in, const Shape& shape) {
  const auto& attrs = node.as<ConvTranspose2dAttrs>();
  const Image x{*in[0], attrs.channels_last}, w{*in[1], false};
  const std::int64_t in_per_group = w.size(0) / attrs.groups, out_per_group = w.size(1);
  const auto& window = attrs.window;
  return generate(shape, [&](const Index& raw) {
    const Index y = plain(raw, attrs.channels_last);
    double sum = in.size() > 2 ? in[2]->elements[static_cast<std::size_t>(y[1])] : 0;
    for (std::int64_t c = 0; c < in_per_group; ++c)
      for (std::int64_t h = 0; h < x.size(2); ++h)
        for (std::int64_t v = 0; v < x.size(3); ++v) {
          const std::int64_t i = y[2] + window.pad_begin[0] - h * window.stride[0];
          const std::int64_t j = y[3] + window.pad_begin[1] - v * window.stride[1];
          if (i < 0 || j < 0 || i >= w.size(2) || j >= w.size(3)) continue;
          const std::int64_t channel = y[1] / out_per_group * in_per_group + c;
          sum += x(y[0], channel, h, v) * w(channel, y[1] % out_per_group, i, j);
        }
    return sum;
  });
}

Numbers pool(const Node& node, const Numbers& numbers, const Shape& shape) {
  const auto& attrs = node.as<PoolAttrs>();
  const Image x{numbers, attrs.channels_last};
  Window window = attrs.window;
  if (attrs.global) window = {{x.size(2), x.size(3)}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, AutoPad::none};
  return generate(shape, [&](const Index& raw) {
    const Index y = plain(raw, attrs.channels_last);
    double sum = 0, most = -1e300;
    int elements = 0;
    for (std::int64_t i = 0; i < window.kernel[0]; ++i)
      for (std::int64_t j = 0; j < window.kernel[1]; ++j) {
        const std::int64_t h = y[2] * window.stride[0] - window.pad_begin[0] + i;
        const std::int64_t v = y[3] * window.stride[1] - window.pad_begin[1] + j;
        if (h < 0 || v < 0 || h >= x.size(2) || v >= x.size(3)) continue;
        sum += x(y[0], y[1], h, v), most = std::max(most, x(y[0], y[1], h, v)), ++elements;
      }
    return attrs.kind == PoolKind::max ? most : sum / elements;
  });
}

Numbers product(const Numbers& a, const Numbers& b, bool b_transposed, const Numbers* bias, const Shape& shape) {
  const std::int64_t k = a.shape[a.shape.rank() - 1];
  const std::int64_t n = shape[shape.rank() - 1], rows = shape.count() / n;
  Numbers y{shape, {}};
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = bias != nullptr ? bias->elements[static_cast<std::size_t>(j)] : 0;
      for (std::int64_t p = 0; p < k; ++p)
        sum += a.elements[static_cast<std::size_t>(i * k + p)] *
               b.elements[static_cast<std::size_t>(b_transposed ? j * k + p : p * n + j)];
      y.elements.push_back(sum);
    }
  return y;
}

}  // namespace octet::graph::reference
