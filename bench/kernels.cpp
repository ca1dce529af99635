// SPDX-License-Identifier: Apache-2.0
// Google Benchmark over backend x network layer: GMAC/s and percent of the instruction's measured peak.
//   bench_kernels --benchmark_filter='avx2/resnet50/.*'
#include <benchmark/benchmark.h>

#include <string>

#include "bench/conv_case.h"
#include "tools/peak.h"

namespace {

using namespace octet;

void run(benchmark::State& state, const kernels::Backend* backend, const bench::ConvShape* shape, double peak) {
  const bench::ConvCase conv(*shape, *backend, bench::WeightKind::gaussian, RequantMode::fixed);
  for (auto _ : state) conv.run();
  const double gmacs = conv.macs() * static_cast<double>(state.iterations()) * 1e-9;
  state.counters["GMAC/s"] = benchmark::Counter(gmacs, benchmark::Counter::kIsRate);
  if (peak > 0) state.counters["% of peak"] = benchmark::Counter(100 * gmacs / peak, benchmark::Counter::kIsRate);
  state.SetLabel(conv.kernel());
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    if (!entry.reason.empty()) continue;
    const double peak = tools::measured_peak(entry.backend.name);
    for (const bench::Network& network : bench::kNetworks) {
      for (const bench::ConvShape& shape : network.layers) {
        const std::string name = std::string(entry.backend.name) + "/" + network.name + "/" + shape.name;
        benchmark::RegisterBenchmark(name.c_str(), run, &entry.backend, &shape, peak);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}
