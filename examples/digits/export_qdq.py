# SPDX-License-Identifier: Apache-2.0
"""Writes a trained QuantizedDigits as a QDQ ONNX file: float operators between DequantizeLinear and QuantizeLinear."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class QdqGraph:
    """Collects nodes and initializers; every method returns the name of the tensor it made."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def activation(self, x, name, activation, dequantized=None):
        """QuantizeLinear then DequantizeLinear with the trained scale and zero point."""
        scale, zero_point = (value.numpy() for value in activation.scale_and_zero_point())
        parameters = [self.constant(f"{name}_scale", scale.astype(np.float32)),
                      self.constant(f"{name}_zero_point", zero_point.astype(np.uint8))]
        return self.quantize_dequantize(x, parameters, name, dequantized)

    def quantize_dequantize(self, x, parameters, name, dequantized=None):
        codes = self.node("QuantizeLinear", [x, *parameters], f"{name}_codes")
        return self.node("DequantizeLinear", [codes, *parameters], dequantized or f"{name}_dequantized")

    def parameter(self, name, real, scale, dtype):
        """A constant stored as codes, dequantized with one scale per output channel (axis 0) and zero point 0."""
        limit = 127 if dtype == np.int8 else np.iinfo(dtype).max
        per_channel = scale.reshape(-1, *[1] * (real.ndim - 1))
        codes = np.clip(np.rint(real / per_channel).astype(np.float64), -limit, limit).astype(dtype)
        inputs = [self.constant(f"{name}_codes", codes), self.constant(f"{name}_scale", scale),
                  self.constant(f"{name}_zero_point", np.zeros(scale.shape, dtype))]
        return self.node("DequantizeLinear", inputs, f"{name}_dequantized", axis=0)

    def layer(self, x, name, layer, input_scale):
        """Conv or Gemm on dequantized input, weight and bias."""
        weight_scale = layer.weight_scale().numpy()
        bias_scale = input_scale.numpy() * weight_scale
        weight = self.parameter(f"{name}_weight", layer.weight.detach().numpy(), weight_scale, np.int8)
        bias = self.parameter(f"{name}_bias", layer.bias.detach().numpy(), bias_scale, np.int32)
        if layer.geometry is None:
            return self.node("Gemm", [x, weight, bias], f"{name}_gemm", transB=1)
        geometry = layer.geometry
        return self.node("Conv", [x, weight, bias], f"{name}_conv", kernel_shape=layer.weight.shape[2:],
                         strides=geometry["stride"], pads=geometry["padding"] * 2, group=geometry["groups"])


def digits_graph(network):
    """The steps of QuantizedDigits.forward, as nodes."""
    graph, trained, layers = QdqGraph(), network.activations, network.layers

    def conv(x, name, input_name):
        return graph.layer(x, name, layers[name], network.scale(input_name))

    def quantized_relu(x, name):
        return graph.activation(graph.node("Relu", [x], f"{name}_relu"), name, trained[name])

    x = graph.activation("image", "image", trained["image"])
    x = quantized_relu(conv(x, "stem", "image"), "stem")
    x = quantized_relu(conv(x, "depthwise", "stem"), "depthwise")
    x = quantized_relu(conv(x, "pointwise", "depthwise"), "pointwise")
    y = quantized_relu(conv(x, "residual1", "pointwise"), "residual1")
    y = graph.activation(conv(y, "residual2", "residual1"), "residual2", trained["residual2"])
    x = quantized_relu(graph.node("Add", [x, y], "sum_add"), "sum")
    x = graph.activation(graph.node("GlobalAveragePool", [x], "pool_average"), "pool", trained["pool"])
    x = graph.node("Flatten", [x], "pool_flat", axis=1)
    x = graph.quantize_dequantize(x, ["pool_scale", "pool_zero_point"], "flat")
    x = graph.layer(x, "classifier", layers["classifier"], network.scale("pool"))
    graph.activation(x, "logits", trained["logits"], dequantized="logits")
    return graph


def export_qdq(network, path):
    graph = digits_graph(network)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    model = helper.make_model(helper.make_graph(graph.nodes, "digits_qat", [image], [logits], graph.initializers),
                              opset_imports=[helper.make_opsetid("", 13)], producer_name="octet digits example")
    model.ir_version = 7  # the IR version that came with opset 13
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
