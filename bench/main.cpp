// SPDX-License-Identifier: Apache-2.0
// Google Benchmark over kernels, operators, models and loading:
//   bench_kernels --benchmark_filter='avx2/resnet50/.*'
//   bench_kernels --benchmark_filter='/op/|/model/|load/'
#include "bench/benchmarks.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  octet::bench::register_convolutions();
  octet::bench::register_ops();
  octet::bench::register_models();
  benchmark::RunSpecifiedBenchmarks();
}
