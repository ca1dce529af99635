#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds octet and runs its tests. Works from a clean clone; the second time it is fast.
#   ./test.sh              release build, whole suite
#   ./test.sh --sanitize   AddressSanitizer + UBSan, then ThreadSanitizer, on the tests that they can judge
#   ./test.sh --clang      the same suite built by clang 14
set -euo pipefail
cd "$(dirname "$0")"
. cmake/packages.sh

suite() {  # suite PRESET [CTEST ARGUMENT...]
  cmake --preset "$1" >/dev/null
  cmake --build "build/$1"
  local preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure "$@"
}

case "${1:-}" in
  "")
    octet_require_packages
    suite release
    ;;
  --sanitize)
    octet_require_packages
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    suite asan --label-exclude no-asan
    suite tsan --label-regex tsan
    ;;
  --clang)
    octet_require_packages clang-14
    suite clang
    ;;
  *)
    echo "usage: ./test.sh [--sanitize | --clang]" >&2
    exit 2
    ;;
esac
