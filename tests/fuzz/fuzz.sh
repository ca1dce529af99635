#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every libFuzzer program for a while, from the corpus in the tree, and prints how many inputs each saw.
# What it finds stays in BUILD/fuzz as crash-*. Usage: fuzz.sh BUILD SECONDS [TARGET...]
set -euo pipefail
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
digits=$here/../../examples/digits
targets=${*:-onnx compiled npy qconfig}
failures=0

for target in $targets; do
  corpus=$build/fuzz/$target
  mkdir -p "$corpus"
  case $target in
    onnx) cp "$digits"/*.onnx "$corpus" ;;
    compiled) "$build/bin/octet" compile "$digits/digits_qat.onnx" -o "$corpus/digits.octet" ;;
    *) cp "$here/corpus/$target/"* "$corpus" ;;
  esac
  log=$build/fuzz/$target.log
  "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=100000 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$build/fuzz/$target-" "$corpus" >"$log" 2>&1 || { failures=$((failures + 1)); tail -40 "$log"; }
  echo "$target: $(grep -oE 'number_of_executed_units: [0-9]+' "$log" | grep -oE '[0-9]+$' || echo 0) executions in $seconds s"
done
exit $((failures > 0))
