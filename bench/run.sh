#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Google Benchmark suite as JSON, and two such files as ratios.
#   bench/run.sh OUT.json [FILTER]            run (FILTER: a regular expression over names)
#   bench/run.sh --compare BEFORE.json AFTER.json [TOLERANCE]
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset release -DOCTET_BENCH=ON >/dev/null
cmake --build build/release --target bench_kernels bench_compare >/dev/null
if [ "${1:-}" = --compare ]; then
  shift
  exec build/release/bin/bench_compare "$@"
fi
# Repetitions in random order: what slows the machine down for a while does not fall on one benchmark.
exec build/release/bin/bench_kernels --benchmark_out="$1" --benchmark_out_format=json --benchmark_filter="${2:-.}" \
  --benchmark_repetitions=3 --benchmark_enable_random_interleaving=true --benchmark_min_time=0.05
