#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What check_networks.sh and check_qoperator.sh share: run_peers.sh SCRIPT.py FOLDER|MODEL.onnx...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
octet=$(realpath "${BUILD:-$root/build/release}")/bin/octet
[ $# -gt 1 ] || { echo "$1: give it ONNX files, or folders of them" >&2; exit 2; }
mapfile -t models < <(for what in "${@:2}"; do find -L "$(realpath "$what")" -maxdepth 1 -name '*.onnx' | sort; done)
mkdir -p "$root/build/peers"
cd "$root/build/peers"
[ -d node_modules/onnxruntime-node ] || npm install --ignore-scripts onnxruntime-node >/dev/null
PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/$1" "$octet" "${models[@]}"
