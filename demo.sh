#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A float ONNX model in, a checked and timed int8 model out: handwritten digits, end to end.
set -euo pipefail
cd "$(dirname "$0")"
. cmake/packages.sh
octet_require_packages

echo "== building =="
cmake --preset release >/dev/null
cmake --build build/release --target octet_command >build/release/demo-build.log || { cat build/release/demo-build.log; exit 1; }
octet=build/release/bin/octet
digits=examples/digits
out=build/demo
mkdir -p "$out"

echo
echo "== this machine =="
grep -m1 'model name' /proc/cpuinfo || uname -m
$octet backends

echo
echo "== quantize: fp32 -> int8, calibrated on 100 training images =="
$octet quantize $digits/digits_fp32.onnx -o $out/digits_int8.onnx --calibrate $digits/calibration_images.npy

echo
echo "== accuracy on 500 images that neither training nor calibration has seen =="
for model in $digits/digits_fp32.onnx $out/digits_int8.onnx $digits/digits_qat.onnx; do
  $octet eval $model --input $digits/test_images.npy --labels $digits/test_labels.npy --threads 1
done

echo
echo "== size =="
for model in $digits/digits_fp32.onnx $out/digits_int8.onnx $digits/digits_qat.onnx; do
  printf '%8d bytes  %s\n' "$(stat -c %s $model)" $model
done

echo
echo "== latency: fp32 and int8 in turn =="
$octet bench $digits/digits_fp32.onnx --calibrate $digits/calibration_images.npy --iterations 100

echo
echo "== what each layer became =="
$octet inspect $out/digits_int8.onnx

echo
echo "== all of it on one page =="
$octet report $digits/digits_fp32.onnx --calibrate $digits/calibration_images.npy -o $out/report.html
