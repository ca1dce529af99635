#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every libFuzzer program for a while, from the corpus in the tree, and prints how many inputs each saw, how long the
# processor worked for it, and how its corpus grew. What it finds stays in BUILD/fuzz as TARGET-crash-*.
# Usage: fuzz.sh BUILD SECONDS [TARGET...]
set -euo pipefail
build=$1 seconds=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
targets=${*:-compiled onnx npy qconfig}
failures=0
TIMEFORMAT='%U %S'

compiled_seeds() {  # compiled_seeds FOLDER: the networks of the corpus, plain and packed for every backend
  local file name backends
  backends=$("$build/bin/octet" backends | sed -nE 's/^([a-z0-9]+) .*/--backend \1/p')
  for file in "$here"/corpus/onnx/*.onnx; do
    name=$(basename "$file" .onnx)
    "$build/bin/octet" compile "$file" -o "$1/$name.octet" >/dev/null
    "$build/bin/octet" compile "$file" -o "$1/$name-packed.octet" $backends >/dev/null
  done
}

published_seeds() {  # published_seeds FOLDER: a node test of each operator, where Debian's libonnx-testdata is installed
  local folder
  for folder in /usr/share/libonnx-testdata/data/node/*/; do
    [ ! -e "$folder/model.onnx" ] || cp "$folder/model.onnx" "$1/$(basename "$folder").onnx"
  done
}

for target in $targets; do
  corpus=$build/fuzz/$target
  mkdir -p "$corpus"
  case $target in
    compiled) compiled_seeds "$corpus" ;;
    onnx) cp "$here"/corpus/onnx/* "$corpus" && published_seeds "$corpus" ;;
    *) cp "$here/corpus/$target/"* "$corpus" ;;
  esac
  before=$(find "$corpus" -type f | wc -l)
  log=$build/fuzz/$target.log
  { time "$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=60000 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -malloc_limit_mb=1024 -artifact_prefix="$build/fuzz/$target-" "$corpus" >"$log" 2>&1 || { failures=$((failures + 1)); tail -40 "$log" >&3; }; } \
    3>&1 2>"$build/fuzz/seconds"
  echo "$target: $(grep -oE 'executed_units: [0-9]+' "$log" | grep -oE '[0-9]+$' || echo 0) executions in $seconds s" \
    "($(awk '{ printf "%d", $1 + $2 }' "$build/fuzz/seconds") s of processor time), corpus $before -> $(find "$corpus" -type f | wc -l) files"
done
exit $((failures > 0))
