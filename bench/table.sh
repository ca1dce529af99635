#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints the table of networks in docs/performance.md: octet in fp32 and in int8 on every usable backend, ONNX Runtime in
# fp32 and in int8 (npm package onnxruntime-node, installed into build/peers), in turn in one run.
#   bench/table.sh FOLDER THREADS TURNS NAME...     FOLDER holds NAME.onnx and NAME_qdq.onnx of each
# OCTET names the program (default: build/release/bin/octet).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
octet=$(realpath "${OCTET:-$root/build/release/bin/octet}")
folder=$(realpath "$1") threads=$2 turns=$3
names=()
for name in "${@:4}"; do names+=("$folder/$name"); done
backends=$("$octet" backends | awk '!/not usable/ && $1 != "scalar" && NF > 1 { print $1 }' | paste -sd,)
mkdir -p "$root/build/peers"
cd "$root/build/peers"
[ -d node_modules/onnxruntime-node ] || npm install --ignore-scripts onnxruntime-node >/dev/null
# Before other work, where that is allowed.
first=()
nice -n -20 true 2>/dev/null && first=(nice -n -20)
exec ${first[@]+"${first[@]}"} node "$root/bench/table.mjs" "$octet" "$backends" "$threads" "$turns" "${names[@]}"
