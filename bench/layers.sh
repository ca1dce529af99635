#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every comparison of single layers with oneDNN that docs/performance.md shows, one thread,
# alternating in one process. Prints one line per layer and one per network.
#   bench/layers.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset release -DOCTET_BENCH=ON >/dev/null
cmake --build build/release --target bench_peers >/dev/null
rounds=${1:-15}
grep -m1 'model name' /proc/cpuinfo
peers() {  # peers ISA BACKEND NETWORK WEIGHTS
  echo
  echo "== $2, $3, $4 weights"
  ONEDNN_MAX_CPU_ISA=$1 build/release/bin/bench_peers "$2" "$3" "$4" "$rounds"
}
usable() { build/release/bin/octet backends | grep -v 'not usable' | grep -q "^$1 "; }
if usable avx512vnni; then
  for network in resnet50 mobilenet_v2 mobilenet_v2_depthwise transformer; do
    peers AVX512_CORE_VNNI avx512vnni $network gaussian
  done
fi
if usable avxvnni; then
  for network in resnet50 mobilenet_v2_depthwise; do peers AVX2_VNNI avxvnni $network gaussian; done
fi
for weights in reduced safe gaussian uniform; do peers AVX2 avx2 resnet50 $weights; done
peers AVX2 avx2 mobilenet_v2_depthwise gaussian
