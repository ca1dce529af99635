// SPDX-License-Identifier: Apache-2.0
// Runs one operator outside of any graph: tensors in, tensors out, and what a plan relies on checked
// on the way (see run_op).
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/op.h"

namespace octet::test {

// An input, or with empty `bytes` an output to be made. A quant without scales: plain numbers.
struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes = {};
  Quant quant = {};
  bool constant = false;
  bool present = true;
  int relabelled = 0;

  template <class T>
  std::vector<T> as() const {
    std::vector<T> values(bytes.size() / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }
};

template <class T>
constexpr DType dtype_for() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return DType::s8;
  if constexpr (std::is_same_v<T, std::int32_t>) return DType::s32;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::s64;
}

template <class T>
Tensor tensor(const Shape& shape, const std::vector<T>& values, Quant quant = {}) {
  const auto bytes = std::as_bytes(std::span(values));
  return {dtype_for<T>(), shape, {bytes.begin(), bytes.end()}, std::move(quant)};
}
template <class T>
Tensor constant(const Shape& shape, const std::vector<T>& values, Quant quant = {}) {
  Tensor result = tensor(shape, values, std::move(quant));
  result.constant = true;
  return result;
}
// An optional input that is not there.
inline Tensor absent() {
  Tensor none;
  none.present = false;
  return none;
}
inline Tensor output(DType dtype, const Shape& shape, Quant quant = {}) { return {dtype, shape, {}, std::move(quant)}; }
inline Quant per_tensor(float scale, std::int32_t zero_point) { return {{scale}, {zero_point}, -1}; }

struct RunOptions {
  const kernels::Backend* backend = nullptr;  // none: an empty one, enough for float ops
  RequantMode requant = RequantMode::fixed;
  int threads = 1;
  std::string name = "node";
};

struct RunResult {
  std::vector<Tensor> outputs;
  std::string kernel;
  int slices = 1;
};

// Memory as a plan hands it out, with guards that show whether somebody wrote beside it.
class GuardedBytes {
 public:
  GuardedBytes(std::size_t size, std::byte fill) : size_(size), fill_(fill), storage_(size + 2 * kGuard + 64, fill) {
    void* start = storage_.data() + kGuard;
    std::size_t space = size + 64;
    data_ = static_cast<std::byte*>(std::align(64, size, start, space));
  }
  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }
  bool is_intact() const {
    const auto untouched = [this](const std::byte* from, const std::byte* to) {
      for (; from != to; ++from) {
        if (*from != fill_) return false;
      }
      return true;
    };
    return untouched(storage_.data(), data_) && untouched(data_ + size_, storage_.data() + storage_.size());
  }

 private:
  static constexpr std::size_t kGuard = 256;  // beyond kOverread: reading there is allowed, writing is not
  std::size_t size_;
  std::byte fill_;
  std::vector<std::byte> storage_;
  std::byte* data_ = nullptr;
};

// Prepares with `prepare` and runs twice: with differently filled memory, and the slices first forwards,
// then backwards. It is an error if the two runs differ (an output byte left unwritten, memory read
// before it is written, slices that lean on each other), if anything but outputs and scratch was
// written, or if the number of slices is not what op.h allows.
inline Result<RunResult> run_op(kernels::PrepareFn prepare, const graph::Attrs& attrs, std::span<const Tensor> inputs,
                                std::vector<Tensor> outputs, const RunOptions& options = {}) {
  static const kernels::Backend kNoBackend{};
  std::vector<kernels::Operand> in, out;
  const auto operand_of = [](const Tensor& t, const std::byte* constant) {
    return kernels::Operand{.dtype = t.dtype,
                            .shape = t.shape,
                            .quant = t.quant.scale.empty() ? nullptr : &t.quant,
                            .relabelled = t.relabelled,
                            .constant = constant,
                            .present = t.present};
  };
  std::vector<GuardedBytes> input_memory;
  for (const Tensor& t : inputs) {
    input_memory.emplace_back(t.bytes.size(), std::byte{0x7F});
    std::copy(t.bytes.begin(), t.bytes.end(), input_memory.back().data());
    in.push_back(operand_of(t, t.constant ? input_memory.back().data() : nullptr));
  }
  for (const Tensor& t : outputs) out.push_back(operand_of(t, nullptr));
  const kernels::OpContext context{
      options.name, attrs, in, out, options.backend ? *options.backend : kNoBackend, options.requant, options.threads};
  Result<kernels::PreparedOp> prepared = prepare(context);
  if (!prepared) return prepared.status();
  if (*prepared == nullptr) return Status::error("the operator declined");
  kernels::Prepared& op = **prepared;
  const int slices = op.slices();
  if (slices < 1 || slices > 4 * options.threads) {
    return Status::error(fmt::format("{} slices for {} threads", slices, options.threads));
  }
  if (op.scratch_bytes() % 64 != 0 && slices > 1) {
    return Status::error(fmt::format("{} scratch bytes: the second slice's are not aligned", op.scratch_bytes()));
  }

  RunResult result{outputs, op.kernel(), slices};
  for (const bool forwards : {true, false}) {
    const std::byte fill = forwards ? std::byte{0xAA} : std::byte{0x55};
    std::vector<GuardedBytes> output_memory;
    std::vector<const std::byte*> input_pointers;
    std::vector<std::byte*> output_pointers;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      input_pointers.push_back(inputs[i].present ? input_memory[i].data() : nullptr);
    }
    for (const Tensor& t : outputs) {
      output_memory.emplace_back(static_cast<std::size_t>(t.shape.count()) * size_of(t.dtype), fill);
      output_pointers.push_back(output_memory.back().data());
    }
    GuardedBytes scratch(op.scratch_bytes() * static_cast<std::size_t>(slices), fill);
    const kernels::Io io{input_pointers, output_pointers, scratch.data()};
    op.bind(io);
    for (int i = 0; i < slices; ++i) op.run(io, forwards ? i : slices - 1 - i);

    if (!scratch.is_intact()) return Status::error("wrote beside the scratch memory");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!input_memory[i].is_intact() ||
          !std::equal(inputs[i].bytes.begin(), inputs[i].bytes.end(), input_memory[i].data())) {
        return Status::error(fmt::format("wrote to input {}", i));
      }
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!output_memory[i].is_intact()) return Status::error(fmt::format("wrote beside output {}", i));
      const std::span<std::byte> bytes = output_memory[i].bytes();
      if (forwards) {
        result.outputs[i].bytes.assign(bytes.begin(), bytes.end());
      } else if (!std::equal(bytes.begin(), bytes.end(), result.outputs[i].bytes.begin())) {
        return Status::error(fmt::format("output {} differs between two runs", i));
      }
    }
  }
  return result;
}

}  // namespace octet::test
