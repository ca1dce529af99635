# SPDX-License-Identifier: Apache-2.0
"""Networks in ONNX Runtime and in octet's mode `float`. fp32 files: whole, the outputs. Others layer by layer, each
fed with what came into it in ONNX Runtime: a layer is what lies between two quantized tensors of the file, cut out of it.
Column `integer`: the operators that ONNX Runtime ran in integers. With s8 activations in a QDQ file it runs convolutions in
fp32 on x86; what the file means is the same.
   check_networks.py OCTET MODEL.onnx...         (check_networks.sh sets it up)"""
import os
import pathlib
import sys

import numpy as np
import onnx

from peers import Octet, OnnxRuntime, codes_of, cut, feeds_of, integer_operators, op_of, with_outputs

FP32_BAR, CODES_BAR = 1e-4, 0.9999


def form_of(model):
    ops = {node.op_type for node in model.graph.node}
    if "DynamicQuantizeLinear" in ops:
        return "dynamic"
    return "QOperator" if any(op.startswith("QLinear") for op in ops) else "QDQ" if "QuantizeLinear" in ops else "fp32"


def relative(own, theirs):
    """The largest difference, over the largest value."""
    return float(np.abs(own.astype(np.float64) - theirs).max() / max(np.abs(theirs).max(), 1e-30))


class Row:
    def __init__(self):
        self.layers = self.integer = self.codes = self.equal = self.most = 0
        self.worst, self.error, self.refused = 1.0, 0.0, 0

    def add(self, own, theirs):
        if theirs.dtype == np.float32:
            self.error = max(self.error, relative(own, theirs))
            return ""
        apart = np.abs(own.astype(int) - theirs.astype(int))
        same, most = int((apart == 0).sum()), int(apart.max())
        self.codes, self.equal, self.most = self.codes + apart.size, self.equal + same, max(self.most, most)
        self.worst = min(self.worst, same / apart.size)
        return f"{apart.size - same} of {apart.size} differ, by {most}" if same < apart.size else ""

    def passed(self):
        return self.refused == 0 and self.most <= 1 and self.equal >= CODES_BAR * self.codes and self.error <= FP32_BAR


def compare(model, form, peer, octet):
    feeds = feeds_of(model)
    row = Row()
    if form == "fp32":
        theirs, _ = peer.run(model, feeds)
        for value, own in zip(model.graph.output, octet.run(model, feeds)):
            row.add(own, theirs[value.name])
        return row
    ends = [node.input[0] for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"] if form == "dynamic" else codes_of(model)
    ends = list(dict.fromkeys(name for name in [*ends, *(v.name for v in model.graph.output)] if name not in feeds))
    theirs, ran = peer.run(with_outputs(model, ends), feeds)
    row.integer = integer_operators(ran)
    for end in ends:
        layer, taken = cut(model, end, {**feeds, **theirs})
        row.layers += 1
        try:
            note = row.add(octet.run(layer, taken)[0], theirs[end])
        except RuntimeError as error:
            row.refused += 1
            note = str(error)
        if note and "VERBOSE" in os.environ:
            print(f"  {op_of(layer)} '{end}': {note}", flush=True)
    return row


def main():
    peer, octet, failed = OnnxRuntime(), Octet(sys.argv[1]), 0
    print(f"{'file':28}{'form':10}{'layers':>7}{'integer':>9}{'codes':>10}{'equal %':>10}{'worst layer %':>15}{'apart':>6}{'float outputs':>15}")
    for path in sys.argv[2:]:
        model = onnx.load(path)
        form = form_of(model)
        try:
            row = compare(model, form, peer, octet)
        except RuntimeError as error:
            print(f"{pathlib.Path(path).stem:28}{form:10} FAILED: {error}", flush=True)
            failed += 1
            continue
        figures = f"{100 * row.equal / row.codes:10.5f}{100 * row.worst:15.4f}{row.most:6}" if row.codes else f"{'-':>10}{'-':>15}{'-':>6}"
        verdict = "" if row.passed() else f"  FAILED ({row.refused} layers do not run)" if row.refused else "  FAILED"
        print(f"{pathlib.Path(path).stem:28}{form:10}{row.layers:7}{row.integer:9}{row.codes:10}{figures}{row.error:15.2g}{verdict}", flush=True)
        failed += not row.passed()
    return 1 if failed else 0


sys.exit(main())
