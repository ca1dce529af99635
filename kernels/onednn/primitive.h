// SPDX-License-Identifier: Apache-2.0
// One oneDNN primitive as a prepared operator.
#pragma once

#include <octet/tensor.h>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/attrs.h"
#include "kernels/onednn/version.h"
#include "kernels/op.h"

namespace octet::kernels::onednn {

using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;

// oneDNN runs on OpenMP's threads: as many as this while an object of it lives.
class ThreadCount {
 public:
  explicit ThreadCount(int threads);
  ~ThreadCount();
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

dnnl::memory::desc float_desc(const Dims& dims, Tag tag);
dnnl::memory::desc nhwc_desc(const Shape& shape);
// Scratch memory comes from octet; the clamp runs inside the primitive.
dnnl::primitive_attr attributes_for(const graph::Clamp& clamp = {});

// run() leaves the outputs as they are if oneDNN fails, which after a successful prepare it has no
// reason to: a noexcept function has nobody to tell.
class PrimitiveOp final : public Prepared {
 public:
  PrimitiveOp(const OpContext& context, dnnl::engine engine, const char* op, double macs);

  // Described with attributes_for(). Comes first.
  template <class Primitive>
  void set_primitive(const typename Primitive::primitive_desc& description) {
    primitive_ = Primitive(description);
    set_scratchpad(description.scratchpad_desc());
    implementation_ = description.impl_info_str();
  }
  void bind_input(int argument, const dnnl::memory::desc& desc, std::size_t index);
  void bind_output(int argument, const dnnl::memory::desc& desc);
  // A constant in the order of `given`, moved once into the order that the primitive wants.
  void bind_constant(int argument, const dnnl::memory::desc& given, const dnnl::memory::desc& wanted,
                     const Operand& operand, std::size_t index);

  std::size_t scratch_bytes() const override { return scratch_bytes_; }
  void run(const Io& io, int slice) const noexcept override;
  std::string kernel() const override { return "onednn " + op_ + " " + implementation_; }
  std::size_t weight_bytes() const override { return weight_bytes_; }
  double macs() const override { return macs_; }

 private:
  void set_scratchpad(const dnnl::memory::desc& desc);
  dnnl::memory& argument(int id, const dnnl::memory::desc& desc, void* handle);

  struct InputBinding {
    dnnl::memory memory;
    std::size_t index;
  };
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::unordered_map<int, dnnl::memory> arguments_;
  std::vector<InputBinding> inputs_;
  dnnl::memory output_, scratchpad_;
  std::size_t scratch_bytes_ = 0, weight_bytes_ = 0;
  std::string op_, implementation_;
  double macs_;
  int threads_;
};

// One per op family that oneDNN takes; null where it cannot say what ONNX means. They throw
// dnnl::error, which prepare() catches.
PreparedOp convolution(const OpContext& context, const graph::Conv2dAttrs& attrs);
PreparedOp transposed_convolution(const OpContext& context, const graph::ConvTranspose2dAttrs& attrs);
PreparedOp dense(const OpContext& context, const graph::DenseAttrs& attrs);
PreparedOp matmul(const OpContext& context, const graph::MatMulAttrs& attrs);
PreparedOp pool(const OpContext& context, const graph::PoolAttrs& attrs);

}  // namespace octet::kernels::onednn
