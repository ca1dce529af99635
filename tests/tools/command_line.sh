#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The command line contract: forms, exit codes, messages, JSON keys.
# Usage: command_line.sh OCTET DIGITS_FOLDER SCRATCH_FOLDER
# OCTET is a command of one word or more: an emulator may stand in front of the program.
set -uo pipefail
octet=$1 digits=$2 out=$3
rm -rf "$out" && mkdir -p "$out"
failures=0

expect() {  # expect EXIT_CODE PATTERN COMMAND...: the command's exit code, and a pattern in what it prints
  local code=$1 pattern=$2 text got
  shift 2
  text=$("$@" 2>&1)
  got=$?
  if [ $got -ne "$code" ] || ! grep -qE -- "$pattern" <<<"$text"; then
    echo "FAILED: $*"
    echo "  exit $got (expected $code), printed: $text (expected to match: $pattern)"
    failures=$((failures + 1))
  fi
}

sentence() {  # sentence EXIT_CODE PATTERN COMMAND...: as expect, and exactly one line on stderr, none on stdout
  expect "$@"
  shift 2
  local lines
  lines=$("$@" 2>&1 >/dev/null | wc -l)
  [ "$lines" -eq 1 ] || { echo "FAILED: $*: $lines lines on stderr, expected one sentence"; failures=$((failures + 1)); }
}

keys() {  # keys FILE KEY...: each key stands in the JSON file
  local file=$1 key
  shift
  for key in "$@"; do
    grep -q "\"$key\"" "$file" || { echo "FAILED: $file lacks \"$key\""; failures=$((failures + 1)); }
  done
}

fp32=$digits/digits_fp32.onnx qat=$digits/digits_qat.onnx images=$digits/test_images.npy labels=$digits/test_labels.npy

expect 0 'octet quantize model.onnx' $octet --help
for command in run quantize eval bench inspect compare explain backends compile; do
  expect 0 'Usage: ' $octet $command --help
done
sentence 2 'subcommand' $octet
sentence 2 'frobnicate' $octet frobnicate
sentence 2 'labels' $octet eval $qat --input $images
sentence 2 'threads' $octet bench $qat --threads 0
sentence 2 'requant' $octet run $qat --input $images --requant sometimes
sentence 1 'no/such.onnx' $octet inspect no/such.onnx
sentence 1 "'abacus' does not exist; usable here: .*scalar" $octet bench $qat --backend abacus
sentence 1 "OCTET_BACKEND 'abacus'" env OCTET_BACKEND=abacus $octet bench $qat
sentence 1 "'picture' does not exist: the model's inputs are 'image'" $octet run $qat --input picture=$images
sentence 1 'holds s64, the model takes f32' $octet run $qat --input $labels
sentence 1 'already|quantized' $octet quantize $qat -o $out/x.onnx --calibrate $images
sentence 1 'preset .*octet' $octet quantize $fp32 -o $out/x.onnx --calibrate $images --preset none
sentence 1 'no/such.npy' $octet quantize $fp32 -o $out/x.onnx --calibrate no/such.npy
[ -e $out/x.onnx ] && { echo "FAILED: a failed job left a file behind"; failures=$((failures + 1)); }

expect 0 'calibrated on 100 samples' $octet quantize $fp32 -o $out/int8.onnx --calibrate image=$digits/calibration_images.npy
expect 0 'top-1 9[0-9]' $octet eval $out/int8.onnx --input $images --labels $labels --json $out/eval.json
keys $out/eval.json samples top1 top5 requant
expect 0 '^[0-9a-f]{16} logits f32 \[500,10\]$' $octet run $out/int8.onnx --input $images --output-dir $out/results \
  --json $out/run.json --backend scalar --threads 1
keys $out/run.json backend outputs name dtype shape hash requant
[ -s $out/results/logits.npy ] || { echo "FAILED: run wrote no logits.npy"; failures=$((failures + 1)); }
expect 0 'median' $octet bench $qat --iterations 3 --json $out/bench.json
keys $out/bench.json results model precision backend threads median_ms min_ms p90_ms requant
grep -q '"int8"' $out/bench.json || { echo "FAILED: bench.json does not say int8"; failures=$((failures + 1)); }
expect 0 'fp32 +(onednn|octet-fp32) ' $octet bench $fp32 --iterations 3 --json $out/bench_fp32.json
grep -q '"fp32"' $out/bench_fp32.json || { echo "FAILED: bench_fp32.json does not say fp32"; failures=$((failures + 1)); }
expect 0 '100.0 % of them in int8' $octet inspect $out/int8.onnx --json $out/inspect.json
keys $out/inspect.json ops name op precision kernel reason
expect 0 'the model is not quantized' $octet inspect $fp32
expect 0 'worst: ' $octet compare $fp32 $out/int8.onnx --input $images --samples 4 --json $out/compare.json
keys $out/compare.json fp32 int8 samples ops name sqnr_db cosine max_error clipped worst enters parts input upstream weights requantization
sentence 1 'must be the float one' $octet compare $out/int8.onnx $fp32 --input $images
expect 0 'accumulator .* = ' $octet explain $out/int8.onnx --input $images --at 'logits[0,3]' --fp32 $fp32 --json $out/explain.json
keys $out/explain.json node index operands taps weight steps formula alternatives rule code real fp32 notes requant
for rule in fixed float float-qnnpack; do
  expect 0 "rounding mode $rule\$" $octet explain $qat --input $images --at 'logits[0,9]' --sample 7 --requant $rule
done
sentence 1 "no operator or value is named 'nowhere'" $octet explain $qat --input $images --at 'nowhere[0]'
sentence 1 'its output has shape' $octet explain $qat --input $images --at 'logits[0,10]'
sentence 1 'must be NODE' $octet explain $qat --input $images --at logits
expect 0 'scalar' $octet backends --json $out/backends.json
keys $out/backends.json backends name description usable reason default

expect 0 'activations quantized in each run' $octet quantize $fp32 -o $out/dynamic.onnx --dynamic --json $out/dynamic.json
keys $out/dynamic.json dynamic config
expect 0 'top-1 9[0-9]' $octet eval $out/dynamic.onnx --input $images --labels $labels
expect 0 'int8->fp32' $octet inspect $out/dynamic.onnx
sentence 2 'excludes' $octet quantize $fp32 -o $out/x.onnx --dynamic --calibrate $images
sentence 1 'takes no samples' $octet quantize $fp32 -o $out/x.onnx --dynamic --smooth 0.5
sentence 1 'quantized already' $octet quantize $qat -o $out/x.onnx --dynamic

expect 0 '100.0 % of them in int8' $octet inspect $qat --require-int8 '*'
expect 0 '.' $octet quantize $fp32 -o $out/kept.onnx --calibrate $digits/calibration_images.npy --keep-float '*residual2*'
for command in run "eval --labels $labels" inspect "bench --iterations 1" "compare $fp32" "explain --at logits[0,3]"; do
  set -- $command
  data="--input $images"
  case $1 in inspect | bench) data="" ;; esac
  expect 1 'not int8:' $octet "$@" $out/kept.onnx $data --require-int8 '*'
  expect 1 '\(Conv2d\): float-neighbour: ' $octet "$@" $out/kept.onnx $data --require-int8 '*residual2*'
  expect 0 '.' $octet "$@" $out/kept.onnx $data --require-int8 'no such operator'
done
expect 1 '\(Conv2d\): not-quantized: ' $octet run $fp32 --input $images --require-int8 '*'

# A picture and names instead of arrays. The seven of the pages, 8x8 of 0 to 1, as a PGM of 0..255.
{ printf 'P5 8 8 255\n'; printf "$(tail -c 256 $digits/../../tests/data/seven.npy | od -An -v -t f4 -w4 | awk '{printf "\\%03o", int($1 * 255 + 0.5)}')"; } > $out/seven.pgm
seq -f 'class %g' 0 9 > $out/names.txt
seq 3 > $out/three.txt
expect 0 '^1. class 7$' $octet run $qat --image $out/seven.pgm --normalize unit --labels $out/names.txt
sentence 1 'is no picture' $octet run $qat --image $qat
sentence 1 'has 3 lines' $octet run $qat --image $out/seven.pgm --normalize unit --labels $out/three.txt
sentence 1 'as --input or as --image' $octet run $qat

one=$($octet run $qat --input $images --threads 1 --backend scalar)
for threads in 2 3; do
  [ "$one" = "$($octet run $qat --input $images --threads $threads)" ] || {
    echo "FAILED: $threads threads give another hash"
    failures=$((failures + 1))
  }
done

sentence 1 'no/such.onnx' $octet compile no/such.onnx -o $out/digits.octet
sentence 1 'cannot write' $octet compile $qat -o $out/no/such/folder.octet
expect 0 'int8' $octet compile $qat -o $out/digits.octet
[ "$one" = "$($octet run $out/digits.octet --input $images)" ] || {
  echo "FAILED: the compiled model gives another hash"
  failures=$((failures + 1))
}

# How a network was calibrated travels with it: quantize -> compile -> inspect.
expect 0 'int8' $octet compile $out/int8.onnx -o $out/int8.octet --backend scalar
record() { $octet inspect "$1" --backend scalar | sed -n '/^calibration: /,$p' | grep -v '^producer: '; }
expect 0 '^calibration: 100 samples, config .*"observer"' $octet inspect $out/int8.octet
expect 0 '^  image: [a-z_]+ saw \[0\.0,1\.0\], chose ' $octet inspect $out/int8.octet
expect 0 '^producer: octet [0-9.]+$' $octet inspect $out/int8.octet
[ "$(record $out/int8.onnx)" = "$(record $out/int8.octet)" ] || {
  echo "FAILED: the compiled model tells of another calibration than the model it was made of"
  failures=$((failures + 1))
}

echo "$failures failures"
exit $((failures > 0))
