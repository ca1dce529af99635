#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PyTorch's qnnpack engine as judge: random quantized networks, every layer with its input and output codes.

Writes torch_layers.json beside itself (Debian: apt install python3-torch; then /usr/bin/python3 torch_layers.py).
tests/runtime/torch_judge.cpp feeds each layer the recorded input codes and compares what octet gives.
Codes are hexadecimal bytes, floats the hexadecimal bits of their binary32 form.
"""
import json
import pathlib
import struct
import warnings

import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
torch.backends.quantized.engine = "qnnpack"
torch.set_num_threads(1)
quantized = torch.ops.quantized


def bits(x):
    return struct.pack(">f", float(x)).hex()


def codes(tensor):
    return tensor.int_repr().contiguous().numpy().tobytes().hex()


def parameters(reals):
    """Affine u8 parameters that cover `reals`, now and then too narrow on purpose."""
    low, high = min(float(reals.min()), 0.0), max(float(reals.max()), 0.0)
    shrink = 1.0 if torch.rand(()) < 0.7 else 0.8
    scale = max((high - low) * shrink / 255, 1e-6)
    return scale, int(min(max(round(-low * shrink / scale), 0), 255))


class Recorder:
    """Runs layers one after the other and keeps what each was given and gave."""

    def __init__(self, seed):
        torch.manual_seed(seed)
        self.tensors, self.layers = [], []

    def keep(self, tensor):
        self.tensors.append({"shape": list(tensor.shape), "scale": bits(tensor.q_scale()),
                             "zero_point": tensor.q_zero_point(), "codes": codes(tensor)})
        return len(self.tensors) - 1, tensor

    def layer(self, op, inputs, output, **attributes):
        kept = self.keep(output)
        self.layers.append({"op": op, "inputs": [i for i, _ in inputs], "output": kept[0], **attributes})
        return kept

    def input(self, shape):
        reals = torch.randn(shape) * (0.5 + torch.rand(()))
        return self.keep(torch.quantize_per_tensor(reals, *parameters(reals), torch.quint8))

    def weights(self, shape, per_channel):
        reals = torch.randn(shape) * 0.3
        if not per_channel:
            return torch.quantize_per_tensor(reals, float(reals.abs().max()) / 127.5, 0, torch.qint8)
        scales = reals.flatten(1).abs().max(1).values / 127.5
        return torch.quantize_per_channel(reals, scales.double(), torch.zeros(shape[0], dtype=torch.long), 0, torch.qint8)

    def weight_record(self, w, bias):
        scales = [w.q_scale()] if w.qscheme() == torch.per_tensor_affine else w.q_per_channel_scales().tolist()
        return {"weight_shape": list(w.shape), "weight": codes(w), "weight_scale": [bits(s) for s in scales],
                "bias": [bits(b) for b in bias]}

    def conv(self, x, out, kernel, stride=1, pad=0, groups=1, relu=False, per_channel=True):
        w = self.weights((out, x[1].shape[1] // groups, kernel, kernel), per_channel)
        bias = torch.randn(out) * 0.2
        reals = F.conv2d(x[1].dequantize(), w.dequantize(), bias, stride, pad, 1, groups)
        scale, zero_point = parameters(F.relu(reals) if relu else reals)
        packed = quantized.conv2d_prepack(w, bias, [stride] * 2, [pad] * 2, [1, 1], groups)
        run = quantized.conv2d_relu if relu else quantized.conv2d
        y = run(x[1], packed, scale, zero_point)
        return self.layer("conv", [x], y, stride=stride, pad=pad, groups=groups, relu=relu, **self.weight_record(w, bias))

    def linear(self, x, out, relu=False, per_channel=True):
        w = self.weights((out, x[1].shape[-1]), per_channel)
        bias = torch.randn(out) * 0.2
        reals = F.linear(x[1].dequantize(), w.dequantize(), bias)
        scale, zero_point = parameters(F.relu(reals) if relu else reals)
        run = quantized.linear_relu if relu else quantized.linear
        y = run(x[1], quantized.linear_prepack(w, bias), scale, zero_point)
        return self.layer("linear", [x], y, relu=relu, **self.weight_record(w, bias))

    def add(self, a, b, relu=False):
        reals = a[1].dequantize() + b[1].dequantize()
        run = quantized.add_relu if relu else quantized.add
        return self.layer("add", [a, b], run(a[1], b[1], *parameters(F.relu(reals) if relu else reals)), relu=relu)

    def max_pool(self, x):
        return self.layer("max_pool", [x], F.max_pool2d(x[1], 2, 2), kernel=[2, 2], stride=2)

    def average_pool(self, x, kernel):
        return self.layer("average_pool", [x], F.avg_pool2d(x[1], kernel, 1), kernel=[kernel] * 2, stride=1)

    def global_pool(self, x):
        return self.layer("average_pool", [x], F.adaptive_avg_pool2d(x[1], 1), kernel=list(x[1].shape[2:]), stride=1)

    def flatten(self, x):
        return self.keep(x[1].flatten(1))


def pick(*choices):
    return choices[int(torch.randint(len(choices), ()))]


def random_network(seed):
    net = Recorder(seed)
    x = net.input((1, pick(3, 5, 8), pick(6, 7, 9), 8))
    per_channel = seed % 3 != 0
    width = pick(8, 11, 16)
    x = net.conv(x, width, 3, pick(1, 2), pick(0, 1), 1, relu=True, per_channel=per_channel)
    branch = net.conv(x, width, 3, 1, 1, pick(1, width), relu=pick(True, False), per_channel=per_channel)
    branch = net.conv(branch, width, 1, relu=False, per_channel=per_channel)
    x = net.add(branch, x, relu=pick(True, False))
    x = pick(net.max_pool, lambda v: net.average_pool(v, 2))(x)
    x = net.global_pool(net.conv(x, width, 1, relu=True, per_channel=per_channel))
    x = net.linear(net.flatten(x), 12, relu=True, per_channel=per_channel)
    net.linear(x, 7, per_channel=per_channel)
    return {"seed": seed, "tensors": net.tensors, "layers": net.layers}


def main():
    networks = [random_network(seed) for seed in range(12)]
    path = pathlib.Path(__file__).with_suffix(".json")
    with open(path, "w") as file:
        json.dump({"torch": torch.__version__, "engine": torch.backends.quantized.engine, "networks": networks}, file,
                  separators=(",", ":"))
        file.write("\n")
    layers = sum(len(network["layers"]) for network in networks)
    print(f"{path.name}: {len(networks)} networks, {layers} layers, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
