// SPDX-License-Identifier: Apache-2.0
// Backend x network layer: GMAC/s and percent of the instruction's measured peak. Depthwise layers are among them.
#include <string>

#include "bench/benchmarks.h"
#include "bench/conv_case.h"
#include "tools/peak.h"

namespace octet::bench {
namespace {

void run(benchmark::State& state, const kernels::Backend* backend, const ConvShape* shape, double peak) {
  const ConvCase conv(*shape, *backend, WeightKind::gaussian, RequantMode::fixed);
  for (auto _ : state) conv.run();
  count_rate(state, "GMAC/s", conv.macs() * 1e-9);
  if (peak > 0) count_rate(state, "% of peak", 100e-9 * conv.macs() / peak);
  state.SetLabel(conv.kernel());
}

}  // namespace

void register_convolutions() {
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    if (!entry.reason.empty()) continue;
    const double peak = tools::measured_peak(entry.backend.name);
    for (const Network& network : kNetworks) {
      for (const ConvShape& shape : network.layers) {
        const std::string name = std::string(entry.backend.name) + "/" + network.name + "/" + shape.name;
        benchmark::RegisterBenchmark(name.c_str(), run, &entry.backend, &shape, peak);
      }
    }
  }
}

}  // namespace octet::bench
