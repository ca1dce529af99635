#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Networks in ONNX Runtime (npm package onnxruntime-node, installed into build/peers) and in octet's mode float, one line
# per file: fp32 files whole, to 1e-4 of the largest output; int8 files layer by layer, each layer fed with the other
# runtime's codes: 99.99 % of codes equal, none further apart than 1; dynamically quantized ones the same way, on floats.
#   tests/peers/check_networks.sh FOLDER|MODEL.onnx...      VERBOSE=1 lists the layers that differ
# The build folder is BUILD, else build/release. Needs node, and python3 with numpy and onnx. Exit status 1 if a file fails.
exec "$(dirname "$0")/run_peers.sh" check_networks.py "$@"
