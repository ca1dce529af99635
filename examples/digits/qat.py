# SPDX-License-Identifier: Apache-2.0
"""The digits network with fake quantization: float tensors that hold only values an int8 runtime can hold.

Activations: uint8, one scale and zero point per tensor. Weights: int8 within [-127,127], one scale per output channel,
zero point 0. Biases: int32 with scale (input scale * weight scale). Rounding is to nearest, ties to even, after a true
division, as ONNX QuantizeLinear defines it, so the exported file computes the same function.
"""
import torch
import torch.nn.functional as F
from torch import nn

OBSERVER_MOMENTUM = 0.05


class RoundToCodes(torch.autograd.Function):
    """Quantizes and dequantizes; the gradient passes straight through where nothing was clipped."""

    @staticmethod
    def forward(ctx, real, scale, zero_point, low, high):
        codes = torch.round(real / scale) + zero_point
        ctx.save_for_backward((codes >= low) & (codes <= high))
        return (codes.clamp(low, high) - zero_point) * scale

    @staticmethod
    def backward(ctx, gradient):
        inside, = ctx.saved_tensors
        return gradient * inside, None, None, None, None


class Activation(nn.Module):
    """Fake-quantizes one activation tensor; its range is a moving average of what it observed."""

    def __init__(self):
        super().__init__()
        self.observing = False
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))

    def forward(self, x):
        if self.observing:
            self.observe(x.detach())
        scale, zero_point = self.scale_and_zero_point()
        return RoundToCodes.apply(x, scale, zero_point, 0, 255)

    def observe(self, x):
        low, high = x.min().clamp(max=0), x.max().clamp(min=0)
        momentum = OBSERVER_MOMENTUM if self.high > self.low else 1.0  # the first observation is taken whole
        self.low += momentum * (low - self.low)
        self.high += momentum * (high - self.high)

    def scale_and_zero_point(self):
        scale = (self.high - self.low) / 255
        return scale, torch.round(-self.low / scale)


class Layer(nn.Module):
    """A Conv2d (its BatchNorm folded in) or a Linear, with fake-quantized weight and bias."""

    def __init__(self, weight, bias, conv=None):
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        self.geometry = dict(stride=conv.stride, padding=conv.padding, groups=conv.groups) if conv else None

    @staticmethod
    def from_conv_bn(conv, bn):
        gain = bn.weight / torch.sqrt(bn.running_var + bn.eps)
        weight = conv.weight * gain.reshape(-1, 1, 1, 1)
        bias = bn.bias - bn.running_mean * gain
        return Layer(weight.detach(), bias.detach(), conv)

    @staticmethod
    def from_linear(linear):
        return Layer(linear.weight.detach().clone(), linear.bias.detach().clone())

    def weight_scale(self):
        """One scale per output channel."""
        return self.weight.detach().abs().flatten(1).amax(1) / 127

    def forward(self, x, input_scale):
        scale = self.weight_scale()
        per_channel = scale.reshape(-1, *[1] * (self.weight.dim() - 1))
        weight = RoundToCodes.apply(self.weight, per_channel, 0, -127, 127)
        bias = RoundToCodes.apply(self.bias, input_scale * scale, 0, -2**31, 2**31 - 1)
        return F.conv2d(x, weight, bias, **self.geometry) if self.geometry else F.linear(x, weight, bias)


class QuantizedDigits(nn.Module):
    """train.Digits with BatchNorm folded and every tensor fake-quantized; export_qdq.py writes the same steps as ONNX."""

    LAYERS = ("stem", "depthwise", "pointwise", "residual1", "residual2")
    ACTIVATIONS = ("image", *LAYERS, "sum", "pool", "logits")

    def __init__(self, fp32):
        super().__init__()
        self.layers = nn.ModuleDict({name: Layer.from_conv_bn(*getattr(fp32, name)) for name in self.LAYERS})
        self.layers["classifier"] = Layer.from_linear(fp32.classifier)
        self.activations = nn.ModuleDict({name: Activation() for name in self.ACTIVATIONS})

    def observe(self, on):
        for activation in self.activations.values():
            activation.observing = on

    def scale(self, activation):
        return self.activations[activation].scale_and_zero_point()[0]

    def forward(self, image):
        layer, quantize = self.layers, self.activations
        x = quantize["image"](image)
        x = quantize["stem"](F.relu(layer["stem"](x, self.scale("image"))))
        x = quantize["depthwise"](F.relu(layer["depthwise"](x, self.scale("stem"))))
        x = quantize["pointwise"](F.relu(layer["pointwise"](x, self.scale("depthwise"))))
        y = quantize["residual1"](F.relu(layer["residual1"](x, self.scale("pointwise"))))
        y = quantize["residual2"](layer["residual2"](y, self.scale("residual1")))
        x = quantize["sum"](F.relu(x + y))
        x = quantize["pool"](x.mean((2, 3)))
        return quantize["logits"](layer["classifier"](x, self.scale("pool")))
