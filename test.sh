#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds octet and runs its tests. Works from a clean clone; the second time it is fast.
#   ./test.sh              release build, whole suite
#   ./test.sh --sanitize   AddressSanitizer and UBSan over graph, kernels, quantizer and runtime
#   ./test.sh --tsan       ThreadSanitizer over sessions on several threads
#   ./test.sh --clang      everything that is installed built by clang 14, and its kernels tested
#   ./test.sh --fuzz       libFuzzer, a minute for each reader of untrusted input
#   ./test.sh --arm        the suite cross-built for 64-bit ARM, under qemu as three CPUs
set -euo pipefail
cd "$(dirname "$0")"
. cmake/packages.sh
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1  # one cache serves every checkout

suite() {  # suite PRESET "TARGET..." [CTEST ARGUMENT...]
  cmake --preset "$1" >/dev/null
  cmake --build "build/$1" --target $2
  local preset=$1
  shift 2
  local code=0
  ctest --test-dir "build/$preset" --output-on-failure "$@" || code=$?
  grep -h 'SKIPPED: ' "build/$preset/Testing/Temporary/LastTest.log" | sed 's/^ *//' | sort | uniq -c || true
  return $code
}

case "${1:-}" in
  "")
    octet_require_packages chromium  # for the page of `octet report`
    suite release all
    ;;
  --sanitize)
    octet_require_packages
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    suite asan "test_graph test_kernels test_quantize test_runtime replay_onnx replay_npy replay_qconfig" \
      --tests-regex '^(graph|kernels|quantize|runtime|replay_(onnx|published|npy|qconfig))$'
    ;;
  --tsan)
    octet_require_packages
    suite tsan test_runtime --label-regex tsan
    ;;
  --clang)
    octet_require_packages clang-14
    suite clang "octet octet_runtime octet_command test_kernels" --tests-regex '^(kernels|avxvnni_encoding)$'
    ;;
  --fuzz)
    octet_require_packages clang-14 libclang-rt-14-dev
    cmake --preset fuzz >/dev/null
    cmake --build build/fuzz --target fuzz_onnx fuzz_compiled fuzz_npy fuzz_qconfig octet_command
    tests/fuzz/fuzz.sh build/fuzz 60
    ;;
  --arm)
    octet_require_packages g++-aarch64-linux-gnu qemu-user-static
    cmake/arm64_sysroot.sh build/arm64-sysroot
    # No dot products; sdot; everything that qemu knows. What a CPU cannot change runs on the first alone.
    # Nor are the two builds of the whole tree inside another project repeated by the cross compiler.
    QEMU_CPU=cortex-a53 suite arm all --parallel 2 --exclude-regex '^consume_(add_subdirectory|fetch_content)$'
    QEMU_CPU=cortex-a76 suite arm all --tests-regex '^kernels$'  # its code is part of the next one's
    QEMU_CPU=max suite arm all --parallel 2 --label-regex cpu
    ;;
  *)
    echo "usage: ./test.sh [--sanitize | --tsan | --clang | --fuzz | --arm]" >&2
    exit 2
    ;;
esac
