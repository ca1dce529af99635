#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# QOperator files, whole, in ONNX Runtime (npm package onnxruntime-node, installed into build/peers) and in octet's mode
# float: the output codes for three seeded inputs each, which must be equal bit for bit.
#   tests/peers/check_qoperator.sh FOLDER|MODEL.onnx...
# The build folder is BUILD, else build/release. Needs node, and python3 with numpy and onnx. Exit status 1 if a code differs.
exec "$(dirname "$0")/run_peers.sh" check_qoperator.py "$@"
