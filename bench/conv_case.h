// SPDX-License-Identifier: Apache-2.0
// One int8 convolution prepared by octet's own operator, with data to run it on.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "bench/shapes.h"
#include "kernels/aligned_bytes.h"
#include "kernels/backend.h"
#include "kernels/op.h"

namespace octet::bench {

// How weights are distributed: AVX2 runs proven-safe ones fast and widens the rest.
enum class WeightKind { safe, reduced, gaussian, uniform };
inline WeightKind weight_kind(std::string_view name) {
  return name == "gaussian"  ? WeightKind::gaussian
         : name == "uniform" ? WeightKind::uniform
         : name == "reduced" ? WeightKind::reduced
                             : WeightKind::safe;
}

// (out, in/groups, kernel, kernel), the largest of each channel +-127 (safe and reduced: +-63). Normally distributed,
// as gaussian and reduced, trained ones are; uniform ones are the worst case.
inline std::vector<std::int8_t> random_weights(const ConvShape& shape, WeightKind kind) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  const auto k = static_cast<std::size_t>(shape.in / shape.groups * shape.kernel * shape.kernel);
  std::vector<std::int8_t> weights;
  std::vector<float> channel(k);
  for (std::int64_t o = 0; o < shape.out; ++o) {
    float largest = 1e-9F;
    for (float& w : channel) {
      w = kind == WeightKind::gaussian || kind == WeightKind::reduced ? normal(random)
                                                                      : static_cast<float>(random() % 255) - 127.0F;
      largest = std::max(largest, std::abs(w));
    }
    const float scale = (kind == WeightKind::safe || kind == WeightKind::reduced ? 63.0F : 127.0F) / largest;
    for (float w : channel) weights.push_back(static_cast<std::int8_t>(std::nearbyint(w * scale)));
  }
  return weights;
}

class ConvCase {
 public:
  ConvCase(const ConvShape& shape, const kernels::Backend& backend, WeightKind kind, RequantMode mode)
      : macs_(shape.macs()), weights_(random_weights(shape, kind)) {
    std::mt19937 random(6);
    const std::int64_t out = shape.out_size();
    const auto in_bytes = static_cast<std::size_t>(shape.height() * shape.size * shape.in);
    // Aligned as a session's arena is.
    input_ = kernels::allocate_aligned(in_bytes + kernels::kOverread);
    std::generate_n(input_.get(), in_bytes, [&] { return static_cast<std::byte>(random()); });
    output_ = kernels::allocate_aligned(static_cast<std::size_t>(shape.pixels() * shape.out) + kernels::kOverread);
    bias_.assign(static_cast<std::size_t>(shape.out), 77);
    weight_quant_.axis = bias_quant_.axis = 0;
    // Like trained channels no two alike: equal round scales would put results on exact ties.
    for (std::int64_t o = 0; o < shape.out; ++o) {
      weight_quant_.scale.push_back(0.003F + 0.002F * static_cast<float>(random() % 10007) / 10007.0F);
    }
    weight_quant_.zero_point.assign(static_cast<std::size_t>(shape.out), 0);
    bias_quant_ = weight_quant_;
    for (float& s : bias_quant_.scale) s *= in_quant_.scale[0];

    graph::Conv2dAttrs attrs;
    attrs.window.kernel = {shape.kernel, shape.kernel};
    attrs.window.stride = {shape.stride, shape.stride};
    attrs.window.pad_begin = attrs.window.pad_end = {shape.pad(), shape.pad()};
    attrs.groups = shape.groups;
    attrs.channels_last = true;
    attrs_ = attrs;
    // A scale under which typical results spread over the codes.
    const double k = static_cast<double>(shape.in / shape.groups * shape.kernel * shape.kernel);
    out_quant_.scale = {static_cast<float>(0.02 * 0.004 * 40 * std::sqrt(k))};
    const DType codes = backend.activation == kernels::Activation::s8 ? DType::s8 : DType::u8;
    inputs_ = {operand(codes, {1, shape.height(), shape.size, shape.in}, &in_quant_, nullptr),
               operand(DType::s8, {shape.out, shape.in / shape.groups, shape.kernel, shape.kernel}, &weight_quant_,
                       weights_.data()),
               operand(DType::s32, {shape.out}, &bias_quant_, bias_.data())};
    outputs_ = {operand(codes, {1, shape.pixels() / out, out, shape.out}, &out_quant_, nullptr)};
    const kernels::OpContext context{shape.name, attrs_, inputs_, outputs_, backend, mode, 1};
    op_ = kernels::prepare_conv2d(context).value();
    scratch_ = kernels::allocate_aligned(op_->scratch_bytes() * static_cast<std::size_t>(op_->slices()) + 64);
    in_[0] = input_.get();
    in_[1] = reinterpret_cast<const std::byte*>(weights_.data());
    in_[2] = reinterpret_cast<const std::byte*>(bias_.data());
    out_[0] = output_.get();
    io_ = {in_, out_, scratch_.get()};
    op_->bind(io_);
  }
  ConvCase(const ConvCase&) = delete;
  ConvCase& operator=(const ConvCase&) = delete;

  void run() const {
    for (int slice = 0; slice < op_->slices(); ++slice) op_->run(io_, slice);
  }
  double macs() const { return macs_; }
  std::string kernel() const { return op_->kernel(); }
  std::size_t weight_bytes() const { return op_->weight_bytes(); }  // as packed
  const std::vector<std::int8_t>& weights() const { return weights_; }

 private:
  static kernels::Operand operand(DType dtype, const Shape& shape, const Quant* quant, const void* constant) {
    return {.dtype = dtype, .shape = shape, .quant = quant, .constant = static_cast<const std::byte*>(constant)};
  }

  double macs_;
  std::vector<std::int8_t> weights_;
  kernels::AlignedBytes input_, output_, scratch_;
  std::vector<std::int32_t> bias_;
  Quant in_quant_{{0.02F}, {0}, -1}, out_quant_{{0.1F}, {100}, -1}, weight_quant_, bias_quant_;
  graph::Attrs attrs_;
  std::vector<kernels::Operand> inputs_, outputs_;
  kernels::PreparedOp op_;
  const std::byte* in_[3];
  std::byte* out_[1];
  kernels::Io io_;
};

}  // namespace octet::bench
