// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace octet::runtime {

// How many threads this process may keep busy: its affinity mask, capped by the cgroup CPU quota
// (v2 cpu.max, v1 cfs_quota) rounded up; at least 1.
int default_thread_count();

}  // namespace octet::runtime
