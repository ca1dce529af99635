// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/session.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "graph/passes/passes.h"
#include "kernels/backend.h"
#include "runtime/float_environment.h"
#include "runtime/memory_planner.h"
#include "runtime/model_impl.h"
#include "runtime/plan.h"
#include "runtime/workers.h"

namespace octet {
namespace {

using runtime::FloatEnvironment;
using runtime::Place;
using runtime::Plan;
using runtime::Workers;

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{runtime::kArenaAlignment}); }
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

// The whole of what a session needs beside weights, known before any of it is allocated.
Status check_plan_fits(const Plan& plan, std::size_t limit) {
  std::size_t bytes = plan.arena_bytes;
  for (const runtime::Step& step : plan.steps) bytes += step.op->table_bytes();
  if (bytes <= limit) return {};
  return Status::error(
      fmt::format("the activations need {} bytes: SessionOptions::max_arena_bytes allows {}", bytes, limit));
}

Status check_arena(std::span<std::byte> arena, std::size_t needed) {
  static_assert(kArenaAlignment == runtime::kArenaAlignment);
  if (arena.size() < needed) {
    return Status::error(
        fmt::format("arena of {} bytes: this model needs {} (Session::arena_bytes_needed)", arena.size(), needed));
  }
  const std::size_t beyond = reinterpret_cast<std::uintptr_t>(arena.data()) % kArenaAlignment;
  if (beyond == 0) return {};
  return Status::error(
      fmt::format("arena begins {} bytes beyond a multiple of {}: it must begin at one", beyond, kArenaAlignment));
}

std::size_t index_of(std::string_view name, const std::vector<TensorInfo>& infos) {
  const auto has_name = [name](const TensorInfo& info) { return info.name == name; };
  return static_cast<std::size_t>(std::ranges::find_if(infos, has_name) - infos.begin());
}

}  // namespace

struct Session::Impl {
  Plan plan;
  std::string backend, backend_note;
  Workers workers;
  RequantMode requant = RequantMode::fixed;
  std::vector<TensorInfo> inputs, outputs;
  std::unique_ptr<std::byte[], AlignedDelete> own_arena;  // nullptr: the caller's
  std::byte* arena = nullptr;                             // (plan.arena_bytes)
  std::vector<Bound> bound;                               // (steps)
  std::vector<kernels::Io> io;                            // (steps)

  std::byte* address(graph::ValueId id) const {
    const Place& place = plan.places[static_cast<std::size_t>(id)];
    if (place.kind == Place::Kind::constant) return const_cast<std::byte*>(place.constant);
    return arena + place.offset;
  }

  void bind() {
    for (const runtime::Step& step : plan.steps) {
      Bound& addresses = bound.emplace_back();
      for (graph::ValueId id : step.inputs) addresses.inputs.push_back(id == graph::kNone ? nullptr : address(id));
      for (graph::ValueId id : step.outputs) addresses.outputs.push_back(address(id));
    }
    for (std::size_t i = 0; i < bound.size(); ++i) {
      io.push_back({bound[i].inputs, bound[i].outputs, arena + plan.scratch_offset});
      plan.steps[i].op->bind(io.back());
    }
  }

  void run_step(std::size_t i) const noexcept {
    const runtime::Step& step = plan.steps[i];
    if (step.slices == 1 || workers.alone()) {
      for (int slice = 0; slice < step.slices; ++slice) step.op->run(io[i], slice);
    } else {
      Work work{step.op.get(), &io[i]};
      workers.run(static_cast<std::size_t>(step.slices), run_slice, &work);
    }
  }

  void run() const noexcept {
    const FloatEnvironment environment;
    for (std::size_t i = 0; i < plan.steps.size(); ++i) run_step(i);
  }

  // A run on zeros touches all but what it looks up by value: constants that no operator has packed.
  void prefault() const noexcept {
    constexpr std::size_t kPage = 4096;
    for (const runtime::Step& step : plan.steps) {
      if (step.op->weight_bytes() > 0) continue;
      for (graph::ValueId id : step.inputs) {
        if (id == graph::kNone || !plan.graph[id].is_constant()) continue;
        const volatile std::byte* bytes = address(id);
        const std::size_t count =
            static_cast<std::size_t>(plan.graph[id].shape.count()) * size_of(plan.graph[id].dtype);
        for (std::size_t i = 0; i < count; i += kPage) static_cast<void>(bytes[i]);
      }
    }
    run();
  }

  // All that create() does before it takes memory for activations and threads.
  static Result<std::unique_ptr<Impl>> prepare(const Model& model, const SessionOptions& options);
  Status place(const SessionOptions& options);
};

inline Result<std::unique_ptr<Session::Impl>> Session::Impl::prepare(const Model& model,
                                                                     const SessionOptions& options) {
  const FloatEnvironment environment;
  // oneDNN brings threads of its own: ours must not spin on the cores that those need next.
  Result<Workers> workers = Workers::choose(options, !model.is_quantized());
  if (!workers) return workers.status();
  Result<kernels::BackendChoice> choice = kernels::choose_backend(options.backend);
  if (!choice.ok()) return choice.status();
  const kernels::Backend& backend = *choice->backend;

  graph::Graph graph = model.impl().graph;
  const DType activation = backend.activation == kernels::Activation::u8 ? DType::u8 : DType::s8;
  if (Status status = graph::lower(graph, {options.input_shapes, activation}); !status.ok()) return status;
  if (Status status = check_values_fit(graph, options.max_arena_bytes); !status.ok()) return status;

  auto impl = std::make_unique<Impl>();
  impl->backend = backend.name;
  impl->backend_note = std::move(choice->note);
  impl->workers = std::move(*workers);
  impl->requant = options.requant;
  Result<Plan> plan = runtime::make_plan(std::move(graph), {&backend, options.requant, impl->workers.threads(),
                                                            model.impl().float_prepare, model.impl().weights.get()});
  if (!plan.ok()) return plan.status();
  impl->plan = std::move(*plan);
  if (Status status = check_plan_fits(impl->plan, options.max_arena_bytes); !status) return status;
  impl->inputs = runtime::describe(impl->plan.graph, impl->plan.graph.inputs);
  impl->outputs = runtime::describe(impl->plan.graph, impl->plan.graph.outputs);
  return impl;
}

inline Status Session::Impl::place(const SessionOptions& options) {
  if (options.arena.data() == nullptr) {
    own_arena.reset(new (std::align_val_t{kArenaAlignment}) std::byte[plan.arena_bytes]());
    arena = own_arena.get();
  } else {
    if (Status status = check_arena(options.arena, plan.arena_bytes); !status) return status;
    arena = options.arena.data();
    std::fill_n(arena, plan.arena_bytes, std::byte{});
  }
  if (Status status = workers.start(); !status) return status;
  bind();
  if (options.prefault) prefault();
  return {};
}

Result<Session> Session::create(const Model& model, const SessionOptions& options) try {
  Result<std::unique_ptr<Impl>> impl = Impl::prepare(model, options);
  if (!impl) return impl.status();
  if (Status status = (*impl)->place(options); !status) return status;
  return Session(std::move(*impl));
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to prepare this model");
}

Result<std::size_t> Session::arena_bytes_needed(const Model& model, const SessionOptions& options) try {
  Result<std::unique_ptr<Impl>> impl = Impl::prepare(model, options);
  if (!impl) return impl.status();
  return (*impl)->plan.arena_bytes;
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to prepare this model");
}

void Session::run() noexcept { impl_->run(); }

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

std::size_t Session::input_index(std::string_view name) const noexcept { return index_of(name, impl_->inputs); }
std::size_t Session::output_index(std::string_view name) const noexcept { return index_of(name, impl_->outputs); }

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
const std::string& Session::backend_note() const noexcept { return impl_->backend_note; }
int Session::threads() const noexcept { return impl_->workers.threads(); }
RequantMode Session::requant() const noexcept { return impl_->requant; }
std::span<const OpInfo> Session::ops() const noexcept { return impl_->plan.ops; }
std::size_t Session::arena_bytes() const noexcept { return impl_->plan.arena_bytes; }
std::size_t Session::weight_bytes() const noexcept { return impl_->plan.weight_bytes; }

}  // namespace octet
