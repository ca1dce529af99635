# SPDX-License-Identifier: Apache-2.0
"""One ONNX file in two runtimes: ONNX Runtime behind onnxruntime.mjs, octet behind its command."""
import collections
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
DTYPES = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.UINT8: np.uint8, onnx.TensorProto.INT8: np.int8,
          onnx.TensorProto.INT32: np.int32, onnx.TensorProto.INT64: np.int64, onnx.TensorProto.BOOL: np.bool_}


class OnnxRuntime:
    """The folder it starts in holds node_modules/onnxruntime-node."""

    def __init__(self):
        self.node = subprocess.Popen(["node", HERE / "onnxruntime.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, model, feeds):
        """name -> array of every output, and how many nodes of each type ran."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            onnx.save(model, folder / "model.onnx")
            inputs = []
            for i, (name, array) in enumerate(feeds.items()):
                array.tofile(folder / f"in{i}")
                inputs.append({"name": name, "dtype": array.dtype.name, "shape": array.shape, "file": str(folder / f"in{i}")})
            request = {"model": str(folder / "model.onnx"), "inputs": inputs, "folder": str(folder), "optimized": str(folder / "ran.onnx")}
            self.node.stdin.write(json.dumps(request) + "\n")
            self.node.stdin.flush()
            reply = json.loads(self.node.stdout.readline())
            if "error" in reply:
                raise RuntimeError(f"ONNX Runtime: {reply['error']}")
            outputs = {t["name"]: np.fromfile(t["file"], t["dtype"]).reshape(t["shape"]) for t in reply["outputs"]}
            ran = collections.Counter(n.op_type for n in onnx.load(folder / "ran.onnx", load_external_data=False).graph.node)
            return outputs, ran


class Octet:
    def __init__(self, command):
        self.command = command

    def run(self, model, feeds):
        """The outputs in the order of the file, in mode float."""
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            plain = renamed(model)
            onnx.save(plain, folder / "model.onnx")
            arguments = []
            for i, array in enumerate(feeds.values()):
                np.save(folder / f"in{i}.npy", array)
                arguments += ["--input", f"in{i}={folder}/in{i}.npy"]
            done = subprocess.run([self.command, "run", folder / "model.onnx", "--requant", "float", "--threads", "1", "--output-dir", folder / "out",
                                   *arguments], capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip())
            return [np.load(folder / "out" / f"{output.name}.npy") for output in plain.graph.output]


def renamed(model):
    """Inputs are in0, in1, ... in the order of `feeds_of`, outputs out0, ...: names that files and flags can carry."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    names = {value.name: f"in{i}" for i, value in enumerate(inputs_of(model))}
    names |= {value.name: f"out{i}" for i, value in enumerate(model.graph.output)}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names.get(value.name, value.name)
    return model


def inputs_of(model):
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def feeds_of(model, seed=7):
    """Seeded inputs; symbolic sizes are 1. Whole numbers are rows of the table that they index, else a mask whose end is 0."""
    random = np.random.default_rng(seed)
    tables = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if tensor.dims}
    rows = {node.input[1]: tables[node.input[0]] for node in model.graph.node if node.op_type == "Gather" and node.input[0] in tables}
    # a quantized table is gathered behind its DequantizeLinear
    scaled = {node.output[0]: tables[node.input[0]] for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in tables}
    rows |= {node.input[1]: scaled[node.input[0]] for node in model.graph.node if node.op_type == "Gather" and node.input[0] in scaled}
    feeds = {}
    for value in inputs_of(model):
        shape = [max(dim.dim_value, 1) for dim in value.type.tensor_type.shape.dim]
        dtype = DTYPES[value.type.tensor_type.elem_type]
        if dtype == np.float32:
            feeds[value.name] = spread_of(model, value.name) * random.standard_normal(shape, dtype)
        elif dtype in (np.uint8, np.int8):
            limits = np.iinfo(dtype)
            feeds[value.name] = random.integers(limits.min, limits.max + 1, shape, dtype)
        elif value.name in rows:
            feeds[value.name] = random.integers(0, rows[value.name], shape, dtype)
        else:
            feeds[value.name] = (np.arange(np.prod(shape)).reshape(shape) % shape[-1] < 0.7 * shape[-1]).astype(dtype)
    return feeds


def spread_of(model, name):
    """A standard deviation that a network is made for: an eighth of what its first QuantizeLinear can hold, else 1/2.
    Wider noise than that makes deep float networks amplify their own rounding."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] == name and node.input[1] in constants:
            return np.float32(255 / 8) * numpy_helper.to_array(constants[node.input[1]]).reshape(())
    return np.float32(0.5)


def codes_of(model):
    """Tensors of 8-bit codes that depend on an input, in the order in which they are made."""
    known = {value.name for value in inputs_of(model)}
    codes = {v.name for v in inputs_of(model) if v.type.tensor_type.elem_type in (onnx.TensorProto.UINT8, onnx.TensorProto.INT8)}
    found = []
    for node in model.graph.node:
        if not any(name in known for name in node.input):
            continue
        known |= set(node.output)
        moves = node.op_type in MOVES and node.input[0] in codes
        makes = node.op_type == "QuantizeLinear" or node.op_type.startswith("QLinear") or (node.op_type == "QGemm" and len(node.input) > 7)
        if moves or makes:
            codes |= set(node.output)
            found += [name for name in node.output if name]
    return found


MOVES = {"MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather", "Identity", "DepthToSpace",
         "SpaceToDepth", "Concat", "Pad", "Resize", "Expand", "Tile"}


def with_outputs(model, names):
    """The file with further outputs, whose types ONNX Runtime infers."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    have = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    return model


def cut(model, output, known):
    """What computes `output` from tensors of `known` (name -> array), as a model of its own, and those it takes."""
    maker = {name: node for node in model.graph.node for name in node.output if name}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    taken, nodes, kept, seen = {}, [], {}, set()

    def visit(name):
        if not name or name in seen:
            return
        seen.add(name)
        if name in constants:
            kept[name] = constants[name]
        elif name in known and name != output:
            taken[name] = known[name]
        else:
            for source in maker[name].input:
                visit(source)
            if not any(maker[name] is node for node in nodes):
                nodes.append(maker[name])

    visit(output)

    def typed(name, array):
        element = next(code for code, dtype in DTYPES.items() if dtype == array.dtype)
        return helper.make_tensor_value_info(name, element, array.shape)

    graph = helper.make_graph(nodes, "layer", [typed(name, array) for name, array in taken.items()], [typed(output, known[output])], list(kept.values()))
    layer = helper.make_model(graph, opset_imports=list(model.opset_import))
    layer.ir_version = model.ir_version
    return layer, taken


def integer_operators(ran):
    return sum(count for op, count in ran.items() if op.startswith(("QLinear", "QGemm", "DynamicQuantizeMatMul")) or "Integer" in op)


def op_of(layer):
    """The node that a layer is about: neither a conversion nor what prepares its constants."""
    ops = [node.op_type for node in layer.graph.node if node.op_type not in ("QuantizeLinear", "DequantizeLinear", "Constant")]
    return "+".join(dict.fromkeys(ops)) or "QuantizeLinear"
