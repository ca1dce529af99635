// SPDX-License-Identifier: Apache-2.0
// bench_count BACKEND: each convolution of ResNet-50 and MobileNetV2 once, between two calls of
// octet_count_mark(), for bench/arm_counts.sh, which counts the instructions that an emulator executes in
// between. Shapes are cut to what repeats: a few blocks of columns, a few whole tiles of rows, K as it is.
// Prints a line per layer: network and kind, multiply-accumulates of this run, of the layer in its network.
#include <algorithm>
#include <cstdio>
#include <string>

#include "bench/conv_case.h"

extern "C" __attribute__((noinline)) void octet_count_mark() { __asm__ volatile(""); }

namespace {

using octet::bench::ConvShape;

ConvShape cut(ConvShape shape, const octet::kernels::Backend& backend) {
  if (shape.groups > 1) {
    shape.in = shape.out = shape.groups = std::min<std::int64_t>(shape.groups, 64);
    return shape;
  }
  shape.out = std::min<std::int64_t>(shape.out, 2 * backend.gemm.nr);
  // As many rows modulo a tile as the whole image has: 14x14 and 7x7 keep their remainders.
  if (shape.out_size() % 8 == 0 || shape.out_size() == 28) shape.size = 8 * shape.stride;
  return shape;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace octet;
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_count BACKEND\n");
    return 2;
  }
  const auto backend = kernels::choose_backend(argv[1]);
  if (!backend.ok()) {
    std::fprintf(stderr, "%s\n", backend.status().message().c_str());
    return 1;
  }
  for (const bench::Network& network : bench::kNetworks) {
    if (std::string(network.name) == "transformer") continue;  // plain products, as 1x1 convolutions are
    for (const ConvShape& shape : network.layers) {
      const bench::ConvCase conv(cut(shape, *backend->backend), *backend->backend, bench::WeightKind::uniform,
                                 RequantMode::fixed);
      octet_count_mark();
      conv.run();
      octet_count_mark();
      std::printf("%s\t%lldx%lld\t%.0f\t%.0f\n", network.name, static_cast<long long>(shape.kernel),
                  static_cast<long long>(shape.kernel), conv.macs(), shape.macs() * shape.times);
    }
  }
  return 0;
}
