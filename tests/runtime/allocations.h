// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace octet::test {

// Calls of malloc and its kin so far, operator new among them, in the whole program; -1 where a sanitizer
// or a C library other than glibc owns them.
long allocations();

// Blocks that were allocated and not freed yet.
long blocks_in_use();

// The n-th allocation of this thread from now on fails, once; 0: none does.
void fail_allocation(long n);
// True once it has.
bool has_failed();

// Calls of pthread_mutex_lock and pthread_cond_wait so far; -1 as above.
long locks();
// One pthread_mutex_lock, to see that it is counted.
void lock_once();

}  // namespace octet::test
