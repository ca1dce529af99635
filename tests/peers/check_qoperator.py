# SPDX-License-Identifier: Apache-2.0
"""Whole QOperator files in ONNX Runtime and in octet's mode `float`: the same output codes, bit for bit.
   check_qoperator.py OCTET MODEL.onnx...        (check_qoperator.sh sets it up)"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

from peers import Octet, OnnxRuntime, feeds_of, integer_operators

SAMPLES = 3


def step_of(model, name):
    """The real value of one code of an output that a DequantizeLinear makes, else 1."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if name in node.output and node.op_type == "DequantizeLinear":
            return float(numpy_helper.to_array(constants[node.input[1]]).reshape(()))
    return 1.0


def main():
    peer, octet, failed = OnnxRuntime(), Octet(sys.argv[1]), False
    print(f"{'file':32}{'integer operators':>18}{'codes':>9}{'equal':>9}{'apart at most':>15}")
    for path in sys.argv[2:]:
        model = onnx.load(path)
        count = equal = 0
        most = 0.0
        for seed in range(SAMPLES):
            feeds = feeds_of(model, seed)
            theirs, ran = peer.run(model, feeds)
            for value, own in zip(model.graph.output, octet.run(model, feeds)):
                apart = np.abs(own.astype(np.float64) - theirs[value.name].astype(np.float64)) / step_of(model, value.name)
                count, equal, most = count + apart.size, equal + int((apart == 0).sum()), max(most, apart.max())
        integer = integer_operators(ran)
        failed |= equal < count or integer == 0
        print(f"{pathlib.Path(path).stem:32}{integer:18}{count:9}{equal:9}{most:15.3g}", flush=True)
    return 1 if failed else 0


sys.exit(main())
