// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/status.h>

#include <cstddef>
#include <memory>

namespace octet {

/// The caller's own threads as a session uses them: an audio engine's workers, a game's jobs. Two pointers, so
/// that passing one allocates nothing and a program in C can give one too.
struct Executor {
  using Task = void (*)(void* context, std::size_t index);

  /// Calls task(context, i) once for every i < count, on any threads and in any order, and returns when all
  /// calls have returned. Must not throw. A run allocates, waits and enters the system as much as this does.
  void (*parallel_for)(void* self, std::size_t count, Task task, void* context) = nullptr;
  void* self = nullptr;

  explicit operator bool() const noexcept { return parallel_for != nullptr; }

  /// One part of an operator's work, as `of` hands it to a functor.
  struct Body {
    Task task;
    void* context;
    void operator()(std::size_t index) const noexcept { task(context, index); }
  };
  /// An executor that calls functor(count, body), with body(i) for every i < count left to do. The functor
  /// must outlive the sessions that use it.
  template <class Functor>
  static Executor of(Functor& functor) noexcept {
    return {[](void* address, std::size_t count, Task task, void* context) {
              (*static_cast<Functor*>(address))(count, Body{task, context});
            },
            &functor};
  }
};

/// Threads that several sessions take turns on: one operator at a time has all of them. Sessions on different
/// threads may use one pool, and wait for each other in doing so.
class OCTET_API ThreadPool {
 public:
  /// `threads` counts the thread that calls Session::run; 0: what affinity and the cgroup quota allow. An error if
  /// it is negative or the system refuses more threads.
  static Result<std::shared_ptr<ThreadPool>> create(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const noexcept;

  struct Impl;  ///< the library's own
  const Impl& impl() const noexcept { return *impl_; }

 private:
  explicit ThreadPool(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
