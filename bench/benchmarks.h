// SPDX-License-Identifier: Apache-2.0
// The kinds of benchmarks that bench_kernels holds: one file and one table each.
#pragma once

#include <benchmark/benchmark.h>

namespace octet::bench {

void register_convolutions();  // kernels.cpp: backend/network/layer
void register_ops();           // ops.cpp: backend/op/name
void register_models();        // models.cpp: backend/model/name, fp32/model/name, load/what/name

inline void count_rate(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] =
      benchmark::Counter(per_iteration * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

}  // namespace octet::bench
