// SPDX-License-Identifier: Apache-2.0
#include "kernels/onednn/primitive.h"

#include <dlfcn.h>

#include <limits>
#include <utility>

namespace octet::kernels::onednn {

namespace {

// The OpenMP runtime that oneDNN itself was linked with, found in the running process: compiling
// against one could bring a second, whose thread count oneDNN would never hear of. nullptr where
// oneDNN was built without OpenMP.
template <class Function>
Function* openmp(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

int max_threads() {
  static auto* const get = openmp<int()>("omp_get_max_threads");
  return get != nullptr ? get() : 1;
}

void set_threads(int threads) {
  static auto* const set = openmp<void(int)>("omp_set_num_threads");
  if (set != nullptr) set(threads);
}

}  // namespace

ThreadCount::ThreadCount(int threads) : before_(max_threads()) { set_threads(threads); }
ThreadCount::~ThreadCount() { set_threads(before_); }

dnnl::memory::desc float_desc(const Dims& dims, Tag tag) { return {dims, dnnl::memory::data_type::f32, tag}; }

dnnl::memory::desc nhwc_desc(const Shape& shape) {
  return float_desc({shape[0], shape[3], shape[1], shape[2]}, Tag::nhwc);
}

dnnl::primitive_attr attributes_for(const graph::Clamp& clamp) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (clamp.active()) {
    dnnl::post_ops ops;
    if (clamp.lo == 0 && clamp.hi == std::numeric_limits<float>::infinity()) {
      append_eltwise(ops, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
    } else {
      append_eltwise(ops, dnnl::algorithm::eltwise_clip, clamp.lo, clamp.hi);
    }
    attributes.set_post_ops(ops);
  }
  return attributes;
}

PrimitiveOp::PrimitiveOp(const OpContext& context, dnnl::engine engine, const char* op, double macs)
    : engine_(std::move(engine)), stream_(engine_), op_(op), macs_(macs), threads_(context.threads) {}

dnnl::memory& PrimitiveOp::argument(int id, const dnnl::memory::desc& desc, void* handle) {
  return arguments_[id] = dnnl::memory(desc, engine_, handle);
}

void PrimitiveOp::set_scratchpad(const dnnl::memory::desc& desc) {
  scratch_bytes_ = desc.get_size();
  scratchpad_ = argument(DNNL_ARG_SCRATCHPAD, desc, DNNL_MEMORY_NONE);
}

void PrimitiveOp::bind_input(int id, const dnnl::memory::desc& desc, std::size_t index) {
  inputs_.push_back({argument(id, desc, DNNL_MEMORY_NONE), index});
}

void PrimitiveOp::bind_output(int id, const dnnl::memory::desc& desc) {
  output_ = argument(id, desc, DNNL_MEMORY_NONE);
}

void PrimitiveOp::bind_constant(int id, const dnnl::memory::desc& given, const dnnl::memory::desc& wanted,
                                const Operand& operand, std::size_t index) {
  if (given == wanted) return bind_input(id, given, index);
  dnnl::memory source(given, engine_, const_cast<std::byte*>(operand.constant));
  dnnl::memory& moved = argument(id, wanted, DNNL_MEMORY_ALLOCATE);
  dnnl::reorder(source, moved).execute(stream_, source, moved);
  stream_.wait();
  weight_bytes_ += wanted.get_size();
}

void PrimitiveOp::run(const Io& io, int) const noexcept {
  try {
    const ThreadCount scope(threads_);
    for (const InputBinding& input : inputs_) {
      input.memory.set_data_handle(const_cast<std::byte*>(io.inputs[input.index]));
    }
    output_.set_data_handle(io.outputs[0]);
    scratchpad_.set_data_handle(io.scratch);
    primitive_.execute(stream_, arguments_);
    dnnl::stream(stream_).wait();
  } catch (const dnnl::error&) {
  }
}

}  // namespace octet::kernels::onednn
