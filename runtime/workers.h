// SPDX-License-Identifier: Apache-2.0
// Who computes the slices of a step: the calling thread alone, threads of the session, threads that sessions
// share, or the caller's executor.
#pragma once

#include <octet/executor.h>
#include <octet/session.h>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace octet::runtime {

class Workers {
 public:
  // `polite`: workers sleep between steps instead of spinning. Nothing is started yet.
  static Result<Workers> choose(const SessionOptions& options, bool polite);
  Status start();

  int threads() const { return threads_; }
  bool alone() const { return pool_ == nullptr && !executor_; }
  void run(std::size_t slices, Executor::Task task, void* context) const noexcept;

 private:
  int threads_ = 1;
  Executor executor_;
  std::shared_ptr<ThreadPool> pool_;
  std::uint32_t flags_ = 0;
};

}  // namespace octet::runtime
