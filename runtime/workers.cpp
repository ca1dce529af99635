// SPDX-License-Identifier: Apache-2.0
#include "runtime/workers.h"

#include <fmt/format.h>
#include <pthreadpool.h>

#include "runtime/thread_count.h"

namespace octet {
namespace {

struct PoolDelete {
  void operator()(pthreadpool* pool) const { pthreadpool_destroy(pool); }
};

Status check_count(int threads) {
  if (threads >= 0) return {};
  return Status::error(fmt::format("threads {}: must be at least 1, or 0 for the default", threads));
}

}  // namespace

struct ThreadPool::Impl {
  int threads = 1;
  std::unique_ptr<pthreadpool, PoolDelete> pool;  // nullptr: one thread, which needs none
};

ThreadPool::ThreadPool(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ThreadPool::~ThreadPool() = default;
int ThreadPool::threads() const noexcept { return impl_->threads; }

Result<std::shared_ptr<ThreadPool>> ThreadPool::create(int threads) try {
  if (Status status = check_count(threads); !status) return status;
  auto impl = std::make_unique<Impl>();
  impl->threads = threads > 0 ? threads : runtime::default_thread_count();
  if (impl->threads > 1) {
    impl->pool.reset(pthreadpool_create(static_cast<std::size_t>(impl->threads)));
    if (impl->pool == nullptr) return Status::error(fmt::format("the system gives no {} threads", impl->threads));
  }
  return std::shared_ptr<ThreadPool>(new ThreadPool(std::move(impl)));
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory for a thread pool");
}

namespace runtime {

Result<Workers> Workers::choose(const SessionOptions& options, bool polite) {
  if (Status status = check_count(options.threads); !status) return status;
  Workers workers;
  workers.threads_ = options.threads > 0 ? options.threads : default_thread_count();
  workers.flags_ = polite ? PTHREADPOOL_FLAG_YIELD_WORKERS : 0;
  if (options.executor) {
    if (options.pool != nullptr) return Status::error("executor and pool: a session computes on one of them");
    workers.executor_ = options.executor;
    return workers;
  }
  if (options.pool != nullptr) {
    if (options.threads != 0 && options.threads != options.pool->threads()) {
      return Status::error(fmt::format("threads {}: the shared pool has {}", options.threads, options.pool->threads()));
    }
    workers.pool_ = options.pool;
    workers.threads_ = options.pool->threads();
  }
  return workers;
}

Status Workers::start() {
  if (threads_ == 1) pool_ = nullptr;
  if (threads_ == 1 || pool_ != nullptr || executor_) return {};
  Result<std::shared_ptr<ThreadPool>> own = ThreadPool::create(threads_);
  if (own.ok()) pool_ = std::move(*own);
  return own.status();
}

// A pool serves one caller at a time: pthreadpool has a mutex for the others.
void Workers::run(std::size_t slices, Executor::Task task, void* context) const noexcept {
  if (executor_) {
    executor_.parallel_for(executor_.self, slices, task, context);
  } else {
    pthreadpool_parallelize_1d(pool_->impl().pool.get(), task, context, slices, flags_);
  }
}

}  // namespace runtime
}  // namespace octet
