# SPDX-License-Identifier: Apache-2.0
"""Runs digits_qat.onnx with numpy, one node at a time, straight from the ONNX operator definitions.

It knows only the operators of that file. Sums are taken in float64, so the order of summation does not matter.
"""
import numpy as np
import onnx
from onnx import helper, numpy_helper


def run_qdq(path, images):
    """The file's "logits" for these images."""
    graph = onnx.load(str(path)).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    tensors["image"] = images
    for node in graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [tensors[name] for name in node.input]
        tensors[node.output[0]] = OPERATORS[node.op_type](*inputs, **attributes)
    return tensors["logits"]


def quantize_linear(x, scale, zero_point):
    limits = np.iinfo(zero_point.dtype)
    return np.clip(np.rint(x / scale) + zero_point, limits.min, limits.max).astype(zero_point.dtype)


def dequantize_linear(codes, scale, zero_point, axis=1):
    if scale.ndim == 1:
        shape = [-1 if i == axis else 1 for i in range(codes.ndim)]
        scale, zero_point = scale.reshape(shape), zero_point.reshape(shape)
    return (codes.astype(np.int32) - zero_point.astype(np.int32)).astype(np.float32) * scale


def conv(x, weight, bias, kernel_shape, strides, pads, group):
    top, left, bottom, right = pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel_shape, axis=(2, 3))
    windows = windows[:, :, ::strides[0], ::strides[1]].astype(np.float64)
    sums = [np.einsum("ncyxhw,kchw->nkyx", w, k, optimize=True)
            for w, k in zip(np.split(windows, group, axis=1), np.split(weight, group))]
    return (np.concatenate(sums, axis=1) + bias.reshape(-1, 1, 1)).astype(np.float32)


def gemm(x, weight, bias, transB):
    assert transB == 1
    return (x.astype(np.float64) @ weight.T + bias).astype(np.float32)


def global_average_pool(x):
    return x.mean((2, 3), dtype=np.float64, keepdims=True).astype(np.float32)


OPERATORS = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
    "Conv": conv,
    "Gemm": gemm,
    "Relu": lambda x: np.maximum(x, 0),
    "Add": np.add,
    "GlobalAveragePool": global_average_pool,
    "Flatten": lambda x, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
}
