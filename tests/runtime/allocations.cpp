// SPDX-License-Identifier: Apache-2.0
// The program's own malloc and pthread_mutex_lock, which count and pass on. All of the program sees these: octet,
// libstdc++, pthreadpool.
#include "tests/runtime/allocations.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OCTET_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define OCTET_SANITIZED
#endif

void octet::test::lock_once() {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_unlock(&mutex);
}

#ifdef OCTET_SANITIZED
long octet::test::allocations() { return -1; }
long octet::test::blocks_in_use() { return -1; }
void octet::test::fail_allocation(long) {}
bool octet::test::has_failed() { return false; }
long octet::test::locks() { return -1; }
#else
namespace {

std::atomic<long> allocated{0}, freed{0}, locked{0};
thread_local long until_failure = 0;
thread_local bool failed = false;

// Counts a block that is about to be allocated; false if it must fail.
bool may_allocate() {
  if (until_failure > 0 && --until_failure == 0) {
    failed = true;
    return false;
  }
  ++allocated;
  return true;
}

// The next definition behind this program's. A race finds it twice.
template <class F>
F* next(std::atomic<F*>& found, const char* name) {
  F* function = found.load(std::memory_order_relaxed);
  if (function == nullptr) found = function = reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
  return function;
}

}  // namespace

long octet::test::allocations() { return allocated; }
long octet::test::blocks_in_use() { return allocated - freed; }
void octet::test::fail_allocation(long n) {
  until_failure = n;
  failed = false;
}
bool octet::test::has_failed() { return failed; }
long octet::test::locks() { return locked; }

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) { return may_allocate() ? __libc_malloc(size) : nullptr; }
void* calloc(std::size_t count, std::size_t size) { return may_allocate() ? __libc_calloc(count, size) : nullptr; }
void* realloc(void* memory, std::size_t size) {
  if (!may_allocate()) return nullptr;
  if (memory != nullptr) ++freed;
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return may_allocate() ? __libc_memalign(alignment, size) : nullptr;
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  *memory = aligned_alloc(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory != nullptr) ++freed;
  __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  static std::atomic<int (*)(pthread_mutex_t*)> found{nullptr};
  ++locked;
  return next(found, "pthread_mutex_lock")(mutex);
}
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  static std::atomic<int (*)(pthread_cond_t*, pthread_mutex_t*)> found{nullptr};
  ++locked;
  return next(found, "pthread_cond_wait")(condition, mutex);
}
}
#endif
