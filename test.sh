#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds octet and runs its tests. Works from a clean clone; the second time it is fast.
#   ./test.sh              release build, whole suite
#   ./test.sh --sanitize   AddressSanitizer and UBSan over the suite
#   ./test.sh --tsan       ThreadSanitizer over sessions on several threads
#   ./test.sh --clang      the same suite built by clang 14
set -euo pipefail
cd "$(dirname "$0")"
. cmake/packages.sh
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1  # one cache serves every checkout

suite() {  # suite PRESET TARGET [CTEST ARGUMENT...]
  cmake --preset "$1" >/dev/null
  cmake --build "build/$1" --target "$2"
  local preset=$1
  shift 2
  ctest --test-dir "build/$preset" --output-on-failure "$@"
}

case "${1:-}" in
  "")
    octet_require_packages
    suite release all
    ;;
  --sanitize)
    octet_require_packages
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    suite asan all --label-exclude no-asan
    ;;
  --tsan)
    octet_require_packages
    suite tsan test_runtime --label-regex tsan
    ;;
  --clang)
    octet_require_packages clang-14
    suite clang all
    ;;
  *)
    echo "usage: ./test.sh [--sanitize | --tsan | --clang]" >&2
    exit 2
    ;;
esac
