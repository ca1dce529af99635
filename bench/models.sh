#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Times whole networks against ONNX Runtime (npm package onnxruntime-node, installed into build/peers).
#   bench/models.sh BACKEND THREADS ROUNDS MODEL.onnx...
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
models=()
for model in "${@:4}"; do models+=("$(realpath "${model%%=*}")${model#"${model%%=*}"}"); done
mkdir -p "$root/build/peers"
cd "$root/build/peers"
[ -d node_modules/onnxruntime-node ] || npm install --ignore-scripts onnxruntime-node >/dev/null
exec node "$root/bench/models.mjs" "$root/build/release/bin/octet" "$1" "$2" "$3" "${models[@]}"
