// SPDX-License-Identifier: Apache-2.0
// Backend x operator without weights, one thread: bytes read and written per second. Each is a thin loop around one
// of the backend's kernels (add, mul, lookup, pools, quantize, dequantize), or octet's own code.
#include <octet/session.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "bench/benchmarks.h"
#include "kernels/aligned_bytes.h"
#include "kernels/backend.h"
#include "kernels/op.h"

namespace octet::bench {
namespace {

using namespace graph;

struct Op {
  const char* name;
  kernels::PrepareFn prepare;
  Attrs attrs;
  std::vector<Shape> inputs;
  Shape output;
  DType from = DType::u8, to = DType::u8;  // u8: the backend's codes, quantized
};

PoolAttrs pool(PoolKind kind, std::int64_t kernel, std::int64_t stride) {
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.window.kernel = {kernel, kernel};
  attrs.window.stride = {stride, stride};
  attrs.channels_last = true;
  return attrs;
}

PoolAttrs global_average() {
  PoolAttrs attrs = pool(PoolKind::average, 7, 1);
  attrs.global = true;
  return attrs;
}

UnaryAttrs unary(UnaryFn fn) {
  UnaryAttrs attrs;
  attrs.fn = fn;
  return attrs;
}

// Activations of ResNet-50, MobileNetV3 and a transformer.
std::vector<Op> ops() {
  const Shape image{1, 56, 56, 64}, gate{1, 1, 1, 64}, tokens{12, 128, 128};
  return {
      {"add 56x56x64", kernels::prepare_binary, BinaryAttrs{}, {image, image}, image},
      {"mul 56x56x64 by 1x1x64", kernels::prepare_binary, BinaryAttrs{BinaryFn::mul, {}}, {image, gate}, image},
      {"max pool 3x3/2 112x112x64",
       kernels::prepare_pool,
       pool(PoolKind::max, 3, 2),
       {{1, 112, 112, 64}},
       {1, 55, 55, 64}},
      {"average pool 2x2/2 56x56x64", kernels::prepare_pool, pool(PoolKind::average, 2, 2), {image}, {1, 28, 28, 64}},
      {"global average 7x7x2048", kernels::prepare_pool, global_average(), {{1, 7, 7, 2048}}, {1, 1, 1, 2048}},
      {"lookup (hard swish) 56x56x64", kernels::prepare_unary, unary(UnaryFn::hard_swish), {image}, image},
      {"softmax 12x128x128", kernels::prepare_softmax, SoftmaxAttrs{}, {tokens}, tokens},
      {"quantize 56x56x64", kernels::prepare_quantize, QuantizeAttrs{}, {image}, image, DType::f32},
      {"dequantize 56x56x64", kernels::prepare_dequantize, {}, {image}, image, DType::u8, DType::f32},
      {"requantize 56x56x64", kernels::prepare_requantize, QuantizeAttrs{}, {image}, image},
      {"concat 2 x 56x56x64", kernels::prepare_concat, ConcatAttrs{3}, {image, image}, {1, 56, 56, 128}},
      {"transpose 56x56x64 to channels first",
       kernels::prepare_transpose,
       TransposeAttrs{{0, 3, 1, 2}},
       {image},
       {1, 64, 56, 56}},
  };
}

// Operands, prepared and filled.
class OpCase {
 public:
  OpCase(const Op& op, const kernels::Backend& backend) : attrs_(op.attrs) {
    const DType codes = backend.activation == kernels::Activation::s8 ? DType::s8 : DType::u8;
    const auto make = [&](const Shape& shape, DType type, const Quant& quant, std::vector<kernels::Operand>& to) {
      const DType dtype = type == DType::u8 ? codes : type;
      to.push_back({.dtype = dtype, .shape = shape, .quant = dtype == DType::f32 ? nullptr : &quant});
      const std::size_t bytes = static_cast<std::size_t>(shape.count()) * size_of(dtype);
      bytes_ += bytes;
      memory_.push_back(kernels::allocate_aligned(bytes + kernels::kOverread));
      return bytes;
    };
    std::mt19937 random(3);
    for (const Shape& shape : op.inputs) {
      const std::size_t bytes = make(shape, op.from, in_quant_, inputs_);
      std::byte* const memory = memory_.back().get();
      if (op.from == DType::f32) {
        std::generate_n(reinterpret_cast<float*>(memory), bytes / 4,
                        [&] { return static_cast<float>(random() % 512) / 50 - 5; });
      } else {
        std::generate_n(memory, bytes, [&] { return static_cast<std::byte>(random()); });
      }
      in_.push_back(memory);
    }
    make(op.output, op.to, op.prepare == kernels::prepare_softmax ? share_quant_ : out_quant_, outputs_);
    out_.push_back(memory_.back().get());
    op_ = op.prepare({op.name, attrs_, inputs_, outputs_, backend, RequantMode::fixed, 1}).value();
    memory_.push_back(kernels::allocate_aligned(op_->scratch_bytes() * static_cast<std::size_t>(op_->slices()) + 64));
    io_ = {in_, out_, memory_.back().get()};
    op_->bind(io_);
  }
  void run() const {
    for (int slice = 0; slice < op_->slices(); ++slice) op_->run(io_, slice);
  }
  std::size_t bytes() const { return bytes_; }
  std::string kernel() const { return op_->kernel(); }

 private:
  Attrs attrs_;
  Quant in_quant_{{0.0213F}, {3}, -1}, out_quant_{{0.0387F}, {100}, -1}, share_quant_{{1.0F / 256}, {0}, -1};
  std::vector<kernels::Operand> inputs_, outputs_;
  std::vector<kernels::AlignedBytes> memory_;
  std::vector<const std::byte*> in_;
  std::vector<std::byte*> out_;
  std::size_t bytes_ = 0;
  kernels::PreparedOp op_;
  kernels::Io io_;
};

void run(benchmark::State& state, const kernels::Backend* backend, const Op& op) {
  const OpCase prepared(op, *backend);
  for (auto _ : state) prepared.run();
  count_rate(state, "bytes/s", static_cast<double>(prepared.bytes()));
  state.SetLabel(prepared.kernel());
}

}  // namespace

void register_ops() {
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    if (!entry.reason.empty()) continue;
    for (const Op& op : ops()) {
      const std::string name = std::string(entry.backend.name) + "/op/" + op.name;
      benchmark::RegisterBenchmark(name.c_str(), run, &entry.backend, op);
    }
  }
}

}  // namespace octet::bench
