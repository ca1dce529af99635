// SPDX-License-Identifier: Apache-2.0
#include "runtime/thread_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
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

// A small text file, or nothing where it cannot be read. By stdio: a library for embedding does not
// bring iostream and its locales with it.
std::string read_text(const std::string& path) {
  std::string text;
  if (std::FILE* file = std::fopen(path.c_str(), "re"); file != nullptr) {
    char part[512];
    for (std::size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) text.append(part, n);
    std::fclose(file);
  }
  return text;
}

// Where this process stands in the v2 hierarchy: the path behind "0::".
std::string cgroup_v2_path() {
  const std::string self = "\n" + read_text("/proc/self/cgroup");
  const std::size_t line = self.find("\n0::");
  if (line == std::string::npos) return {};
  const std::size_t path = line + 4;
  return self.substr(path, self.find('\n', path) - path);
}

// The tightest cpu.max ("QUOTA PERIOD" or "max PERIOD") from this process's cgroup up to the root.
int cgroup_v2_count() {
  int count = kUnlimited;
  for (std::string at = cgroup_v2_path();; at = at.substr(0, at.rfind('/'))) {
    double quota = 0, period = 0;
    const std::string limits = read_text("/sys/fs/cgroup" + at + "/cpu.max");
    if (std::sscanf(limits.c_str(), "%lf %lf", &quota, &period) == 2) count = std::min(count, cores(quota, period));
    if (at.empty() || at.rfind('/') == std::string::npos) return count;
  }
}

int cgroup_v1_count() {
  const std::string folder = "/sys/fs/cgroup/cpu/cpu.cfs_";
  return cores(std::atof(read_text(folder + "quota_us").c_str()), std::atof(read_text(folder + "period_us").c_str()));
}

}  // namespace

int default_thread_count() { return std::min({affinity_count(), cgroup_v2_count(), cgroup_v1_count()}); }

}  // namespace octet::runtime
