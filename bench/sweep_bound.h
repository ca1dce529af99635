// SPDX-License-Identifier: Apache-2.0
// What a shape may be expected to take on this machine, so that a slow one is either explained or a cliff.
// These costs are added up, each of them measured here and now on a case that has nothing else:
//   multiply  what the dot products take at the peak of the instruction, and those of zeros that pad the operands
//   unsafe    what unsafe weights take longer (kernels/saturation.h), as a product of long sums in cache shows
//   finish    an accumulator becoming a code, for every column of the padded blocks
//   memory    operands that are larger than the second-level cache, read or written once
//   depthwise a layer without sums over channels, per output channel (in blocks of 64), as a layer in cache takes
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "bench/conv_case.h"
#include "tools/peak.h"

namespace octet::bench {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The best of `batches` batches of calls that take about `batch_seconds` each; seconds of one call.
template <class Call>
double best_seconds(Call call, int batches, double batch_seconds) {
  call();
  double start = seconds_now();
  call();
  const int calls = std::max(1, static_cast<int>(batch_seconds / std::max(1e-7, seconds_now() - start)));
  double best = 1e9;
  for (int batch = 0; batch < batches; ++batch) {
    start = seconds_now();
    for (int i = 0; i < calls; ++i) call();
    best = std::min(best, (seconds_now() - start) / calls);
  }
  return best;
}

struct Expected {
  double seconds;
  const char* reason;  // the largest cost beside the multiplications that are asked for
};

class Bound {
 public:
  Bound(const kernels::Backend& backend, WeightKind kind) : backend_(backend) {
    const ConvShape longest{"", 240, 2048, 64, 1, 1, 1, 1, 1};
    const double peak = 1e9 * tools::measured_peak(backend.name);
    longest_ = std::min(1.0, longest.macs() / seconds_of(longest, kind) / peak);
    const ConvShape shortest{"", 256, 4, 64, 1, 1, 1, 1, 1};
    finish_ = seconds_of(shortest, WeightKind::safe) / static_cast<double>(shortest.pixels() * shortest.out);
    std::vector<char> from(64 << 20), to(64 << 20);
    byte_ = best_seconds([&] { std::memcpy(to.data(), from.data(), from.size()); }, 5, 1e-3) /
            static_cast<double>(2 * from.size());
    cache_ = static_cast<double>(std::max(sysconf(_SC_LEVEL2_CACHE_SIZE), 256L << 10));
  }

  // weight_bytes: of the packed weights. peak: multiply-accumulates per second.
  Expected of(const ConvShape& s, std::size_t weight_bytes, double peak) {
    const double outputs = static_cast<double>(s.pixels() * s.out);
    const double bytes =
        static_cast<double>(s.height() * s.size * s.in) + outputs + static_cast<double>(weight_bytes);
    const double memory = bytes > cache_ ? bytes * byte_ : 0;
    if (s.groups == s.in && s.groups == s.out && s.groups > 1) {
      const double values = static_cast<double>(s.pixels() * round_up(s.out, 64)) * depthwise_value(s);
      return {values + memory, memory > values ? "memory" : "depthwise"};
    }
    const bool first_layer = s.in <= 4 && s.kernel > 1 && s.groups == 1;  // a row of the kernel is one run of bytes
    const std::int64_t taps = first_layer ? s.kernel : s.kernel * s.kernel;
    const std::int64_t run = first_layer ? s.kernel * s.in : s.in / s.groups;
    const std::int64_t columns = round_up(s.out / s.groups, backend_.gemm.nu) * s.groups;
    const double multiply = s.macs() / peak;
    const double padded = static_cast<double>(s.pixels() * columns * taps * round_up(run, backend_.gemm.kr)) / peak;
    const double finish = static_cast<double>(s.pixels() * columns) * finish_;
    const double padding = padded - multiply, unsafe = padded / longest_ - padded;
    const std::pair<double, const char*> costs[] = {
        {padding, "padding"}, {unsafe, "unsafe"}, {finish, "finish"}, {memory, "memory"}};
    return {padded + unsafe + finish + memory, std::ranges::max(costs).second};
  }

 private:
  static std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
  }
  double seconds_of(const ConvShape& shape, WeightKind kind) const {
    const ConvCase conv(shape, backend_, kind, RequantMode::fixed);
    return best_seconds([&] { conv.run(); }, 20, 1e-4);
  }
  // Seconds per output of 128 channels of a 28x28 image: everything stays in the caches.
  double depthwise_value(const ConvShape& s) {
    const auto [at, is_new] = depthwise_.emplace(std::pair(s.kernel, s.stride), 0);
    if (is_new) {
      const ConvShape small{"", 28, 128, 128, s.kernel, s.stride, 128, 1};
      at->second = seconds_of(small, WeightKind::safe) / static_cast<double>(small.pixels() * small.out);
    }
    return at->second;
  }

  const kernels::Backend& backend_;
  double longest_ = 1, finish_ = 0, byte_ = 0, cache_ = 0;
  std::map<std::pair<std::int64_t, std::int64_t>, double> depthwise_;
};

}  // namespace octet::bench
