// SPDX-License-Identifier: Apache-2.0
// Threads as an application has them, behind octet's Executor: made of the standard library alone, so that
// ThreadSanitizer sees every lock in it. Several callers may use one team at once.
#pragma once

#include <octet/executor.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace octet::test {

class ThreadTeam {
 public:
  explicit ThreadTeam(int threads) {
    for (int i = 0; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }
  ~ThreadTeam() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  void operator()(std::size_t count, Executor::Body body) {
    std::size_t left = count;
    std::unique_lock lock(mutex_);
    for (std::size_t i = 0; i < count; ++i) tasks_.push_back({body, i, &left});
    changed_.notify_all();
    changed_.wait(lock, [&] { return left == 0; });
  }

 private:
  struct Task {
    Executor::Body body;
    std::size_t index;
    std::size_t* left;  // tasks of its call that have not ended; under mutex_
  };

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      const Task task = tasks_.front();
      tasks_.pop_front();
      lock.unlock();
      task.body(task.index);
      lock.lock();
      if (--*task.left == 0) changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace octet::test
