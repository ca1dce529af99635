#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Does a busy machine change what `octet bench` says? Runs it in turn with the machine to itself and with one core
# kept busy, and prints the median speed-up of int8 over fp32 of each, per backend and thread count, and their ratio.
#   bench/loaded.sh MODEL.onnx [ITERATIONS [TIMES [FLAG...]]]     default: 20 iterations, each way 3 times
# FLAGs go to `octet bench`. OCTET names the program (default: build/release/bin/octet). Exits with 1 if a ratio is
# off by more than a tenth.
set -euo pipefail
octet=${OCTET:-$(cd "$(dirname "$0")/.." && pwd)/build/release/bin/octet}
model=$1 iterations=${2:-20} times=${3:-3}
flags=("${@:4}")
work=$(mktemp -d)
busy=
finish() {
  [ -z "$busy" ] || kill "$busy" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
# The last of the cores that this shell may use.
core=$(taskset -pc $$ | sed 's/.*[ ,-]//')

speed_ups() {  # speed_ups idle|loaded
  "$octet" bench "$model" --iterations "$iterations" ${flags[@]+"${flags[@]}"} 2>/dev/null |
    awk -v when="$1" '$1 == "int8" { print $2, $3, when, $7 }' >>"$work/all"
}

for ((i = 0; i < times; ++i)); do
  speed_ups idle
  taskset -c "$core" bash -c 'while :; do :; done' &
  busy=$!
  speed_ups loaded
  kill "$busy"
  wait "$busy" 2>/dev/null || true
  busy=
done

echo "$model, core $core kept busy, $iterations iterations, $times times each"
sort -k1,1 -k2,2n -k3,3 -k4,4g "$work/all" | awk '
  function median() { return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2 }
  function close_group() { if (n) of[key, when] = median(); n = 0 }
  { if ($1 " " $2 != key || $3 != when) { close_group(); key = $1 " " $2; when = $3
                                          if (!seen[key]++) order[++keys] = key }
    v[++n] = $4 }
  END {
    close_group()
    printf "%-16s %7s %9s %9s %7s\n", "backend", "threads", "idle", "loaded", "ratio"
    for (i = 1; i <= keys; ++i) {
      ratio = of[order[i], "loaded"] / of[order[i], "idle"]
      off = ratio < 0.9 || ratio > 1.1
      worse += off
      split(order[i], part, " ")
      printf "%-16s %7s %9.2f %9.2f %7.3f%s\n", part[1], part[2], of[order[i], "idle"], of[order[i], "loaded"], ratio, off ? "  <- off" : ""
    }
    exit worse > 0 || keys == 0
  }'
