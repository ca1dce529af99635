// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/session.h>
#include <pthreadpool.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "graph/passes/passes.h"
#include "kernels/backend.h"
#include "runtime/float_environment.h"
#include "runtime/memory_planner.h"
#include "runtime/model_impl.h"
#include "runtime/plan.h"
#include "runtime/thread_count.h"

namespace octet {
namespace {

using runtime::FloatEnvironment;
using runtime::Place;
using runtime::Plan;

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{runtime::kArenaAlignment}); }
};
struct PoolDelete {
  void operator()(pthreadpool* pool) const { pthreadpool_destroy(pool); }
};

// The addresses that one step's Io points into.
struct Bound {
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
};

struct Work {
  const kernels::Prepared* op;
  const kernels::Io* io;
};

void run_slice(void* work, std::size_t slice) {
  const FloatEnvironment environment;  // a worker thread has its own control register
  const Work& mine = *static_cast<const Work*>(work);
  mine.op->run(*mine.io, static_cast<int>(slice));
}

// A small file can declare huge activations, and what operators prepare grows with them: refused before
// anything is prepared.
Status check_values_fit(const graph::Graph& graph, std::size_t limit) {
  for (const graph::Value& value : graph.values) {
    if (value.is_constant()) continue;
    const std::size_t bytes = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
    if (bytes > limit) {
      return Status::error(fmt::format("value '{}' needs {} bytes: SessionOptions::max_arena_bytes allows {}",
                                       value.name, bytes, limit));
    }
  }
  return {};
}

}  // namespace

struct Session::Impl {
  Plan plan;
  std::string backend;
  int threads = 1;
  RequantMode requant = RequantMode::fixed;
  std::vector<TensorInfo> inputs, outputs;
  std::unique_ptr<std::byte[], AlignedDelete> arena;  // (plan.arena_bytes)
  std::unique_ptr<pthreadpool, PoolDelete> pool;      // nullptr: one thread
  std::uint32_t pool_flags = 0;
  std::vector<Bound> bound;                           // (steps)
  std::vector<kernels::Io> io;                        // (steps)

  std::byte* address(graph::ValueId id) const {
    const Place& place = plan.places[static_cast<std::size_t>(id)];
    if (place.kind == Place::Kind::constant) return const_cast<std::byte*>(place.constant);
    return arena.get() + place.offset;
  }

  void bind() {
    for (const runtime::Step& step : plan.steps) {
      Bound& addresses = bound.emplace_back();
      for (graph::ValueId id : step.inputs) addresses.inputs.push_back(id == graph::kNone ? nullptr : address(id));
      for (graph::ValueId id : step.outputs) addresses.outputs.push_back(address(id));
    }
    for (std::size_t i = 0; i < bound.size(); ++i) {
      io.push_back({bound[i].inputs, bound[i].outputs, arena.get() + plan.scratch_offset});
      plan.steps[i].op->bind(io.back());
    }
  }

  void run_step(std::size_t i) const noexcept {
    const runtime::Step& step = plan.steps[i];
    if (step.slices == 1 || pool == nullptr) {
      for (int slice = 0; slice < step.slices; ++slice) step.op->run(io[i], slice);
    } else {
      Work work{step.op.get(), &io[i]};
      pthreadpool_parallelize_1d(pool.get(), run_slice, &work, static_cast<std::size_t>(step.slices), pool_flags);
    }
  }
};

Result<Session> Session::create(const Model& model, const SessionOptions& options) try {
  const FloatEnvironment environment;
  if (options.threads < 0) {
    return Status::error(fmt::format("threads {}: must be at least 1, or 0 for the default", options.threads));
  }
  Result<const kernels::Backend*> backend = kernels::choose_backend(options.backend);
  if (!backend.ok()) return backend.status();

  graph::Graph graph = model.impl().graph;
  const DType activation = (*backend)->activation == kernels::Activation::u8 ? DType::u8 : DType::s8;
  if (Status status = graph::lower(graph, {options.input_shapes, activation}); !status.ok()) return status;
  if (Status status = check_values_fit(graph, options.max_arena_bytes); !status.ok()) return status;

  auto impl = std::make_unique<Impl>();
  impl->backend = (*backend)->name;
  impl->threads = options.threads > 0 ? options.threads : runtime::default_thread_count();
  impl->requant = options.requant;
  Result<Plan> plan =
      runtime::make_plan(std::move(graph), {*backend, options.requant, impl->threads, model.impl().float_prepare});
  if (!plan.ok()) return plan.status();
  impl->plan = std::move(*plan);
  if (impl->plan.arena_bytes > options.max_arena_bytes) {
    return Status::error(fmt::format("the activations need {} bytes: SessionOptions::max_arena_bytes allows {}",
                                     impl->plan.arena_bytes, options.max_arena_bytes));
  }
  impl->inputs = runtime::describe(impl->plan.graph, impl->plan.graph.inputs);
  impl->outputs = runtime::describe(impl->plan.graph, impl->plan.graph.outputs);
  impl->arena.reset(new (std::align_val_t{runtime::kArenaAlignment}) std::byte[impl->plan.arena_bytes]());
  if (impl->threads > 1) impl->pool.reset(pthreadpool_create(static_cast<std::size_t>(impl->threads)));
  // oneDNN brings threads of its own: ours must not spin on the cores that those need next.
  if (!model.is_quantized()) impl->pool_flags = PTHREADPOOL_FLAG_YIELD_WORKERS;
  impl->bind();
  return Session(std::move(impl));
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to prepare this model");
}

void Session::run() noexcept {
  const FloatEnvironment environment;
  for (std::size_t i = 0; i < impl_->plan.steps.size(); ++i) impl_->run_step(i);
}

void Session::run(std::span<double> op_seconds) noexcept {
  using Clock = std::chrono::steady_clock;
  const FloatEnvironment environment;
  const std::size_t timed = std::min(op_seconds.size(), impl_->plan.steps.size());
  // One reading between two operators ends the one and begins the other, so the times add up.
  Clock::time_point before = Clock::now();
  for (std::size_t i = 0; i < impl_->plan.steps.size(); ++i) {
    impl_->run_step(i);
    const Clock::time_point after = Clock::now();
    if (i < timed) op_seconds[i] += std::chrono::duration<double>(after - before).count();
    before = after;
  }
}

Session::Session(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

std::span<const TensorInfo> Session::inputs() const noexcept { return impl_->inputs; }
std::span<const TensorInfo> Session::outputs() const noexcept { return impl_->outputs; }

std::span<std::byte> Session::input_bytes(std::size_t index) noexcept {
  if (index >= impl_->inputs.size()) return {};
  const TensorInfo& info = impl_->inputs[index];
  return {impl_->address(impl_->plan.graph.inputs[index]),
          static_cast<std::size_t>(info.shape.count()) * size_of(info.dtype)};
}

std::span<const std::byte> Session::output_bytes(std::size_t index) const noexcept {
  if (index >= impl_->outputs.size()) return {};
  const TensorInfo& info = impl_->outputs[index];
  return {impl_->address(impl_->plan.graph.outputs[index]),
          static_cast<std::size_t>(info.shape.count()) * size_of(info.dtype)};
}

const std::string& Session::backend() const noexcept { return impl_->backend; }
int Session::threads() const noexcept { return impl_->threads; }
RequantMode Session::requant() const noexcept { return impl_->requant; }
std::span<const OpInfo> Session::ops() const noexcept { return impl_->plan.ops; }
std::size_t Session::arena_bytes() const noexcept { return impl_->plan.arena_bytes; }
std::size_t Session::weight_bytes() const noexcept { return impl_->plan.weight_bytes; }

}  // namespace octet
