#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What `octet quantize` writes, in ONNX Runtime (npm package onnxruntime-node, installed into build/peers): the file
# loads, and each of its layers, given the same codes, agrees within 1 code on at least 99.9 % of its outputs.
#   tests/peers/check_onnxruntime.sh [FP32.onnx SAMPLES.npy]...        default: the digits network
# The build folder is BUILD, else build/release. Exit status 1 if a layer disagrees.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath "${BUILD:-$root/build/release}")
[ $# -gt 0 ] || set -- "$root/examples/digits/digits_fp32.onnx" "$root/examples/digits/calibration_images.npy"
mkdir -p "$root/build/peers"
(cd "$root/build/peers" && { [ -d node_modules/onnxruntime-node ] || npm install --ignore-scripts onnxruntime-node >/dev/null; })
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
while [ $# -gt 1 ]; do
  "$build/bin/octet" quantize "$1" -o "$scratch/int8.onnx" --calibrate "$2"
  "$build/bin/peer_layers" "$scratch/int8.onnx" "$2" "$scratch/layers"
  (cd "$root/build/peers" && node "$root/tests/peers/check_onnxruntime.mjs" "$scratch/layers")
  rm -rf "$scratch/layers"
  shift 2
done
