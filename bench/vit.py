#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a small vision transformer with seeded random weights: FOLDER/vit.onnx and FOLDER/vit_samples.npy.

    bench/vit.py FOLDER      needs Debian's python3-torch, python3-onnx and python3-numpy

224x224 images in patches of 16x16, width 192, 3 heads, 6 layers that normalize first, GELU with Erf: the encoder of
the smallest published ones, at half their depth. `octet quantize` makes its int8 form, which bench/models.sh compares
with ONNX Runtime.
"""
import sys

import numpy as np
import torch
from torch import nn

WIDTH, HEADS, LAYERS, PATCH, SIZE = 192, 3, 6, 16, 224


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key, self.value, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def heads(self, x):  # (1, tokens, width) -> (1, heads, tokens, width / heads)
        return x.reshape(1, -1, HEADS, WIDTH // HEADS).permute(0, 2, 1, 3)

    def forward(self, x):
        normal = self.before_attention(x)
        query, key, value = (self.heads(part(normal)) for part in (self.query, self.key, self.value))
        scores = query.matmul(key.permute(0, 1, 3, 2)) * (WIDTH // HEADS) ** -0.5
        mixed = scores.softmax(-1).matmul(value).permute(0, 2, 1, 3).reshape(1, -1, WIDTH)
        x = x + self.out(mixed)
        return x + self.mlp(self.before_mlp(x))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        tokens = (SIZE // PATCH) ** 2
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.places = nn.Parameter(torch.randn(1, tokens + 1, WIDTH) * 0.3)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.normal, self.classes = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 1000)

    def forward(self, image):
        patches = self.patches(image).flatten(2).permute(0, 2, 1)
        tokens = torch.cat([self.first, patches], 1) + self.places
        return self.classes(self.normal(self.layers(tokens))[:, 0])


def main():
    folder = sys.argv[1]
    torch.manual_seed(17)
    model = VisionTransformer().eval()
    samples = torch.randn(8, 3, SIZE, SIZE)
    torch.onnx.export(model, samples[:1], f"{folder}/vit.onnx", opset_version=17, input_names=["image"],
                      output_names=["scores"])
    np.save(f"{folder}/vit_samples.npy", samples.numpy())


main()
