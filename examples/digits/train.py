# SPDX-License-Identifier: Apache-2.0
"""Trains a small network on scikit-learn's digits, in fp32 and then quantization-aware, and writes both as ONNX.

Run it with no arguments; every output file is written beside this script:
digits_fp32.onnx, digits_qat.onnx, calibration_images.npy, test_images.npy, test_labels.npy, accuracy.json.
"""
import json
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from export_qdq import export_qdq
from qat import QuantizedDigits
from run_qdq import run_qdq

HERE = Path(__file__).resolve().parent
SEED = 1
TEST_SAMPLES = 500
CALIBRATION_SAMPLES = 100
BATCH = 64
FP32_EPOCHS, FP32_RATE = 100, 4e-3
QAT_EPOCHS, QAT_RATE = 12, 5e-4
QAT_OBSERVED_EPOCHS = 4  # after these the activation ranges stay as they are


class Digits(nn.Module):
    """The fp32 network; README.md draws it."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 16, kernel=3)
        self.depthwise = conv_bn(16, 16, kernel=3, stride=2, groups=16)
        self.pointwise = conv_bn(16, 32, kernel=1)
        self.residual1 = conv_bn(32, 32, kernel=3)
        self.residual2 = conv_bn(32, 32, kernel=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(32, 10)

    def forward(self, image):
        x = F.relu(self.stem(image))
        x = F.relu(self.depthwise(x))
        x = F.relu(self.pointwise(x))
        y = F.relu(self.residual1(x))
        x = F.relu(x + self.residual2(y))
        return self.classifier(torch.flatten(self.pool(x), 1))


def conv_bn(inputs, outputs, kernel, stride=1, groups=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def make_repeatable():
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def load_split():
    """Train images, test images, train labels, test labels; images are float32 (n,1,8,8) within [0,1]."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = digits.target.astype(np.int64)
    split = train_test_split(images, labels, test_size=TEST_SAMPLES, random_state=SEED, stratify=labels)
    return [np.ascontiguousarray(part) for part in split]


def shifted(images):
    """Each image moved by -1, 0 or 1 pixels in both directions, with zeros moving in."""
    padded = F.pad(images, (1, 1, 1, 1))
    top, left = torch.randint(0, 3, (2, len(images)))
    return torch.stack([p[:, t:t + 8, l:l + 8] for p, t, l in zip(padded, top.tolist(), left.tolist())])


def train(network, images, labels, epochs, rate, before_epoch=lambda epoch: None):
    """Adam with a cosine learning rate; the weights of the last step are kept, the test set is never looked at."""
    images, labels = torch.from_numpy(images), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for epoch in range(epochs):
        before_epoch(epoch)
        order = torch.randperm(len(images))
        for batch in order[:len(images) // BATCH * BATCH].split(BATCH):
            loss = F.cross_entropy(network(shifted(images[batch])), labels[batch], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()


def train_quantized(fp32, images, labels):
    """Folds the BatchNorms, observes the calibration images once, then trains with fake quantization."""
    network = QuantizedDigits(fp32)
    network.observe(True)
    logits_of(network, images[:CALIBRATION_SAMPLES])

    def freeze_ranges(epoch):
        network.observe(epoch < QAT_OBSERVED_EPOCHS)

    train(network, images, labels, QAT_EPOCHS, QAT_RATE, before_epoch=freeze_ranges)
    return network


def logits_of(network, images):
    with torch.no_grad():
        return network(torch.from_numpy(images)).numpy()


def top1(logits, labels):
    return round(100.0 * float((logits.argmax(1) == labels).mean()), 2)


def export_fp32(network, path):
    """PRESERVE on a network in eval mode keeps BatchNormalization as a node instead of folding it into the Conv."""
    torch.onnx.export(network, torch.zeros(2, 1, 8, 8), str(path), opset_version=13,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)


def check_same_function(in_torch, in_file, labels):
    """Stops unless digits_qat.onnx predicts what the fake-quantized network predicts, within 0.3 points."""
    agreement = 100.0 * float((in_torch.argmax(1) == in_file.argmax(1)).mean())
    difference = float(np.abs(in_torch - in_file).max())
    print(f"QAT file: top-1 {top1(in_file, labels)} %, same class as torch {agreement:.2f} %, "
          f"largest logit difference {difference:.3g}")
    if agreement < 99.7:
        raise SystemExit("digits_qat.onnx and the fake-quantized network differ")


def main():
    make_repeatable()
    train_images, test_images, train_labels, test_labels = load_split()

    fp32 = Digits()
    train(fp32, train_images, train_labels, FP32_EPOCHS, FP32_RATE)
    fp32_top1 = top1(logits_of(fp32, test_images), test_labels)
    print(f"fp32: top-1 {fp32_top1} %")
    export_fp32(fp32, HERE / "digits_fp32.onnx")

    qat = train_quantized(fp32, train_images, train_labels)
    qat_logits = logits_of(qat, test_images)
    qat_top1 = top1(qat_logits, test_labels)
    print(f"QAT, fake quantization: top-1 {qat_top1} %")
    export_qdq(qat, HERE / "digits_qat.onnx")
    check_same_function(qat_logits, run_qdq(HERE / "digits_qat.onnx", test_images), test_labels)

    np.save(HERE / "calibration_images.npy", train_images[:CALIBRATION_SAMPLES])
    np.save(HERE / "test_images.npy", test_images)
    np.save(HERE / "test_labels.npy", test_labels)
    accuracy = {"fp32_top1": fp32_top1, "qat_fake_quant_top1": qat_top1, "test_samples": TEST_SAMPLES}
    (HERE / "accuracy.json").write_text(json.dumps(accuracy, indent=2) + "\n")


if __name__ == "__main__":
    main()
