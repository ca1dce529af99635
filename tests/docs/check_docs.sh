#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every code block in README.md and docs/ is true: `sh` blocks run (in the source folder, with a
# release build in build/release), `cpp` and `c` blocks stand word for word in an example that is built and run.
# Usage: check_docs.sh SOURCE_FOLDER
set -uo pipefail
cd "$1"
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

run_line() {  # run_line FILE COMMAND
  case "$2" in
    ./test.sh*) grep -qF -- "$2" .ci/run || fail "$1: '$2' does not stand in .ci/run" ;;  # CI runs it
    ./demo.sh) ;;  # the test named demo runs it
    *) bash -euo pipefail -c "$2" >/dev/null 2>build/docs_error.txt || { fail "$1: $2"; cat build/docs_error.txt; } ;;
  esac
}

check_code() {  # check_code FILE LINE LANGUAGE: the line, indented or not, stands in an example
  local line
  line=$(sed 's/^ *//' <<<"$2")
  [ -z "$line" ] || grep -qF -- "$line" examples/*."$3" || fail "$1: no example holds '$line'"
}

for file in README.md CONTRIBUTING.md docs/*.md; do
  language=""
  while IFS= read -r line; do
    case "$line" in
      '```'*) if [ -z "$language" ]; then language=${line#'```'}; language=${language:-text}; else language=""; fi ;;
      *) case "$language" in
           sh) [ -z "$line" ] || run_line "$file" "$line" ;;
           cpp | c) check_code "$file" "$line" "$language" ;;
         esac ;;
    esac
  done <"$file"
done
echo "$failures failures"
exit $((failures > 0))
