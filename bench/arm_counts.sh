#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How many instructions per multiply-accumulate do the ARM backends take? Counted, because there may be no
# ARM machine to time: every instruction that qemu executes in the convolutions of ResNet-50 and
# MobileNetV2 (bench/count.cpp), joined with the disassembly, and for the main loops the cycles that
# llvm-mca expects. Prints the tables of docs/kernels.md and exits with 1 if a bar is missed.
#   bench/arm_counts.sh [BUILD_FOLDER [BACKEND...]]     default: build/arm, all three
# The program is built by: cmake --build build/arm --target bench_count (./test.sh --arm does it).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../build/arm}
shift || true
[ $# -gt 0 ] || set -- neon dotprod i8mm
program=$build/bin/bench_count
sysroot=$here/../build/arm64-sysroot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

aarch64-linux-gnu-objdump -d --no-show-raw-insn "$program" >"$work/text"
mark=$(aarch64-linux-gnu-nm "$program" | awk '$3 == "octet_count_mark" { print $1 }')
mca=$(command -v llvm-mca-14 llvm-mca | head -1) || true

cycles() {  # cycles CPU FILE: per pass through the loop
  [ -n "$mca" ] || { echo "-"; return; }
  "$mca" -mtriple=aarch64 -mcpu="$1" -mattr=+dotprod,+i8mm -iterations=100 "$2" 2>/dev/null |
    awk '/^Total Cycles/ { printf "%.1f", $3 / 100; found = 1 } END { if (!found) printf "-" }'
}

code=0
for backend in "$@"; do
  mkfifo "$work/log"
  # qemu prints each straight run of instructions once, "0x00401a4c:  6f80e0b4  sdot ...", and a line each
  # time that it executes one: "Trace 0: 0x... [.../0000000000401a4c/.../...] symbol".
  awk -v mark="$mark" -F/ '
    /^Trace/ && $2 == mark { if (inside) for (at in count) print segment, at, count[at], length_of[at]
                             inside = !inside; segment += inside; split("", count); next }
    /^Trace/ { if (inside) ++count[$2]; next }
    /^IN:/ { start = ""; next }
    /^0x/ { if (start == "") { start = substr($0, 3, index($0, ":") - 3)
                               start = substr("0000000000000000" start, length(start) + 1); length_of[start] = 0 }
            ++length_of[start] }' "$work/log" >"$work/counts" &
  QEMU_CPU=max qemu-aarch64-static -L "$sysroot" -d in_asm,exec,nochain -D "$work/log" "$program" "$backend" >"$work/layers"
  wait $!
  rm "$work/log"
  awk -v backend="$backend" -v loops="$work/loop" -f "$here/arm_counts.awk" "$work/text" "$work/layers" "$work/counts" || code=1
  for loop in "$work"/loop.*; do
    echo "$backend, ${loop##*.}: cycles per pass $(cycles cortex-a55 "$loop") on Cortex-A55, $(cycles neoverse-n1 "$loop") on Neoverse N1 (LLVM models it as Cortex-A57)"
    rm "$loop"
  done
done
exit $code
