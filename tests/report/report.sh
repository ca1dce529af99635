#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page of `octet report` in headless Chromium: it renders to its end, without a word on the console, for the
# digits network and for one whose names try to break out of the page.
# Usage: report.sh OCTET DIGITS_FOLDER SCRATCH_FOLDER
set -uo pipefail
octet=$1 digits=$2 out=$3
rm -rf "$out" && mkdir -p "$out"
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

$octet report "$digits/digits_fp32.onnx" --calibrate "$digits/calibration_images.npy" -o "$out/digits.html" --iterations 5 ||
  fail "octet report"
grep -qE 'https?://' <(grep -v 'w3.org' "$out/digits.html") && fail "the page refers to the network"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
  echo "SKIPPED: no Chromium here, so that the page renders was not checked"
  exit $((failures > 0 ? 1 : 77))
}
# A document whose strings hold markup, quotes and line ends must stay text.
hostile='\\u003c/script>\\u003cimg src=x onerror=document.title=1>'
sed "s#/stem/stem.0/Conv#$hostile#g" "$out/digits.html" >"$out/hostile.html"

for page in digits hostile; do
  for size in 390,800 1200,900; do  # a phone, a desk
    timeout 50 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$out/profile" --window-size=$size \
      --enable-logging=stderr --dump-dom "file://$(realpath "$out/$page.html")" >"$out/$page.dom" 2>"$out/$page.log"
    grep -q 'data-rendered="true"' "$out/$page.dom" || fail "$page at $size does not render to its end"
    grep -E 'CONSOLE' "$out/$page.log" && fail "$page at $size writes to the console"
    grep -q '<img' "$out/$page.dom" && fail "$page: a name of the model became markup"
  done
done
rows=$(grep -o '<tr>' "$out/digits.dom" | wc -l)
[ "$rows" -ge 20 ] || fail "the tables have only $rows rows"
exit $((failures > 0))
