// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace octet::runtime {
namespace {

constexpr int kUnlimited = std::numeric_limits<int>::max();

int affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int cores(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return kUnlimited;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 1e6));
}

// The tightest cpu.max from this process's cgroup up to the root.
int cgroup_v2_count() {
  std::ifstream self("/proc/self/cgroup");
  std::string line, path;
  while (std::getline(self, line)) {
    if (line.starts_with("0::")) path = line.substr(3);
  }
  int count = kUnlimited;
  for (std::string at = path;; at = at.substr(0, at.rfind('/'))) {
    std::ifstream file("/sys/fs/cgroup" + at + "/cpu.max");
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max") count = std::min(count, cores(std::atof(quota.c_str()), period));
    if (at.empty() || at.rfind('/') == std::string::npos) return count;
  }
}

int cgroup_v1_count() {
  double quota = 0, period = 0;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  return cores(quota, period);
}

}  // namespace

int default_thread_count() { return std::min({affinity_count(), cgroup_v2_count(), cgroup_v1_count()}); }

}  // namespace octet::runtime
