#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/onnx: networks of a few kilobytes that reach every kind of layer, so that a fuzzer runs
hundreds of them each second. Usage: make_seeds.py OCTET (the command, which quantizes them); needs numpy and onnx."""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

octet = sys.argv[1]
corpus = pathlib.Path(__file__).parent / "corpus" / "onnx"
rng = np.random.default_rng(11)


class Network:
    def __init__(self, opset=13):
        self.nodes, self.constants, self.opset = [], [], opset

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def reals(self, *shape, spread=0.4):
        return self.constant(rng.uniform(-spread, spread, shape).astype(np.float32))

    def op(self, kind, inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, cin, cout, k=1, groups=1, **attributes):
        w = self.reals(cout, cin // groups, k, k)
        attributes.setdefault("pads", [k // 2] * 4)
        return self.op("Conv", [x, w, self.reals(cout)], group=groups, kernel_shape=[k, k], **attributes)

    def save(self, path, inputs, output, domains=()):
        self.nodes.append(helper.make_node("Identity", [output], ["y"]))
        graph = helper.make_graph(
            self.nodes, "seed", [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], self.constants)
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(d, 1) for d in domains]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def image_network(path):
    """Convolutions of every kind, a residual sum, pooling, a classifier."""
    n = Network()
    x = n.op("Relu", [n.conv("x", 3, 8, 3, strides=[2, 2])])
    y = n.op("Clip", [n.conv(x, 8, 8, 3, groups=8), n.constant(np.float32(0)), n.constant(np.float32(6))])
    x = n.op("Add", [x, n.conv(y, 8, 8)])
    gate = n.op("HardSigmoid", [n.conv(n.op("GlobalAveragePool", [x]), 8, 8)], alpha=1 / 6, beta=0.5)
    x = n.op("Mul", [x, gate])
    x = n.op("Relu", [n.conv(x, 8, 12, 3, groups=2)])
    x = n.op("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    x = n.op("Flatten", [x])
    n.save(path, [("x", TensorProto.FLOAT, ["n", 3, 8, 8])], n.op("Gemm", [x, n.reals(5, 48), n.reals(5)], transB=1))


def decoder_network(path):
    """Transposed convolution, resize, concatenation, split, pad, average pool, a table."""
    n = Network()
    x = n.conv("x", 4, 8)
    a, b = n.op("Split", [x, n.constant(np.array([4, 4]))], outputs=2, axis=1)
    up = n.op("ConvTranspose", [a, n.reals(4, 4, 2, 2), n.reals(4)], kernel_shape=[2, 2], strides=[2, 2])
    resized = n.op("Resize", [b, "", n.constant(np.array([1, 1, 2, 2], np.float32))], mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    x = n.op("Concat", [n.op("Sigmoid", [up]), n.op("LeakyRelu", [resized], alpha=0.1)], axis=1)
    x = n.op("Pad", [x, n.constant(np.array([0, 0, 1, 1, 0, 0, 0, 0])), n.constant(np.float32(0))])
    x = n.op("AveragePool", [x], kernel_shape=[3, 3], strides=[2, 2])
    x = n.op("Transpose", [n.conv(x, 8, 4, 3)], perm=[0, 2, 3, 1])
    n.save(path, [("x", TensorProto.FLOAT, [1, 4, 4, 4])], n.op("Slice", [
        x, n.constant(np.array([0])), n.constant(np.array([2])), n.constant(np.array([1]))]))


def attention_network(path):
    """Tokens: layer normalization, products of two activations, Softmax, an embedding looked up."""
    n = Network(17)
    x = n.op("Gather", [n.reals(10, 16, spread=1.0), "ids"])
    h = n.op("LayerNormalization", [x, n.reals(16), n.reals(16)], axis=-1)
    q, k, v = (n.op("Add", [n.op("MatMul", [h, n.reals(16, 16)]), n.reals(16)]) for _ in range(3))
    scores = n.op("MatMul", [q, n.op("Transpose", [k], perm=[0, 2, 1])])
    scores = n.op("Softmax", [n.op("Div", [scores, n.constant(np.float32(4))])], axis=-1)
    x = n.op("Add", [x, n.op("MatMul", [scores, v])])
    y = n.op("MatMul", [x, n.reals(16, 24)])
    y = n.op("Mul", [y, n.op("Sigmoid", [n.op("Mul", [y, n.constant(np.float32(1.702))])])])
    x = n.op("Add", [x, n.op("MatMul", [y, n.reals(24, 16)])])
    x = n.op("ReduceMean", [x], axes=[1], keepdims=0)
    n.save(path, [("ids", TensorProto.INT64, [1, 4])], n.op("MatMul", [x, n.reals(16, 3)]))


def operator_network(path):
    """The QOperator form, as ONNX Runtime's tools write it."""
    n = Network()
    scale, zero = n.constant(np.float32(0.05)), n.constant(np.uint8(120))
    w_scale, w_zero = n.constant(np.float32(0.01)), n.constant(np.int8(0))
    codes = lambda *shape: n.constant(rng.integers(-127, 128, shape).astype(np.int8))
    bias = lambda m: n.constant(rng.integers(-500, 500, m).astype(np.int32))
    q = [scale, zero]
    x = n.op("QuantizeLinear", ["x"] + q)
    x = n.op("QLinearConv", [x] + q + [codes(8, 3, 3, 3), w_scale, w_zero] + q + [bias(8)], kernel_shape=[3, 3])
    y = n.op("QLinearConv", [x] + q + [codes(8, 8, 1, 1), w_scale, w_zero] + q + [bias(8)])
    x = n.op("QLinearAdd", [x] + q + [y] + q + q, domain="com.microsoft")
    x = n.op("QLinearGlobalAveragePool", [x] + q + q, domain="com.microsoft", channels_last=0)
    x = n.op("Flatten", [x])
    x = n.op("QLinearMatMul", [x] + q + [codes(8, 6), w_scale, w_zero] + q)
    x = n.op("QGemm", [x] + q + [codes(6, 4), w_scale, w_zero, bias(4)] + q, domain="com.microsoft")
    n.save(path, [("x", TensorProto.FLOAT, [1, 3, 6, 6])], n.op("DequantizeLinear", [x] + q), ["com.microsoft"])


def shape_network(path):
    """Sizes computed by the graph, as exporters write them, and operators that make constants of sizes."""
    n = Network(14)
    last = lambda v: n.op("Gather", [n.op("Shape", [v]), n.constant(np.int64(0))])
    batch = n.op("Unsqueeze", [last("x"), n.constant(np.array([0]))])
    x = n.op("Reshape", ["x", n.op("Concat", [batch, n.constant(np.array([-1]))], axis=0)])
    grid = n.op("Cast", [n.op("Range", [n.constant(np.int64(0)), n.constant(np.int64(12)), n.constant(np.int64(1))])],
                to=TensorProto.FLOAT)
    x = n.op("Add", [x, grid])
    wide = n.op("Expand", [n.constant(np.float32(2)), n.constant(np.array([1, 12]))])
    x = n.op("Where", [n.op("Greater", [x, wide]), x, n.op("Tile", [n.reals(1, 6), n.constant(np.array([1, 2]))])])
    square = n.op("Reshape", [x, n.constant(np.array([-1, 3, 4]))])
    square = n.op("Trilu", [n.op("MatMul", [square, n.reals(4, 3)])], upper=1)
    hot = n.op("OneHot", [n.op("ArgMax", [square], axis=2, keepdims=0), n.constant(np.int64(3)),
                          n.constant(np.array([0, 1], np.float32))])
    x = n.op("Sub", [square, hot])
    filled = n.op("ConstantOfShape", [n.constant(np.array([3, 3]))],
                  value=helper.make_tensor("v", TensorProto.FLOAT, [1], [0.5]))
    n.save(path, [("x", TensorProto.FLOAT, ["n", 3, 4])], n.op("Max", [n.op("ReduceSum", [x], keepdims=1), filled]))


def quantize(build, name, samples):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        build(path / "float.onnx")
        np.save(path / "x.npy", samples)
        subprocess.run([octet, "quantize", path / "float.onnx", "-o", corpus / f"{name}_static.onnx",
                        "--calibrate", path / "x.npy"], check=True)
        subprocess.run([octet, "quantize", path / "float.onnx", "-o", corpus / f"{name}_dynamic.onnx", "--dynamic"],
                       check=True)


corpus.mkdir(exist_ok=True)
quantize(image_network, "image", rng.uniform(-1, 1, (16, 3, 8, 8)).astype(np.float32))
quantize(decoder_network, "decoder", rng.uniform(-1, 1, (16, 4, 4, 4)).astype(np.float32))
quantize(attention_network, "attention", rng.integers(0, 10, (16, 4)))
image_network(corpus / "image_float.onnx")
operator_network(corpus / "operators.onnx")
shape_network(corpus / "shapes.onnx")
