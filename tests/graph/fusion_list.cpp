// SPDX-License-Identifier: Apache-2.0
// THE LIST OF FUSIONS, as exporters write them: each gives the same numbers after simplifying, and one
// operator in the quantized session.
#include <octet/octet.h>

#include <functional>
#include <random>

#include "graph/passes/passes.h"
#include "runtime/model_impl.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/imported.h"

using namespace octet;
using tests::OnnxBuilder;

namespace {

using Dims = std::vector<std::int64_t>;

// Draws a network from x (and r, of the shape of its result) to y.
class Net {
 public:
  explicit Net(const Dims& x) { onnx.input("x", x); }
  OnnxBuilder onnx;

  std::string random(const Dims& dims, float lo = -1, float hi = 1) {
    std::uniform_real_distribution<float> uniform(lo, hi);
    std::int64_t count = 1;
    for (std::int64_t dim : dims) count *= dim;
    std::vector<float> elements(static_cast<std::size_t>(count));
    for (float& element : elements) element = uniform(engine_);
    const std::string name = fresh();
    onnx.initializer(name, dims, elements);
    return name;
  }
  std::string scalar(float value) {
    const std::string name = fresh();
    onnx.initializer<float>(name, {}, {value});
    return name;
  }
  std::string op(const std::string& type, const std::vector<std::string>& inputs) {
    const std::string name = fresh();
    onnx.node(type, inputs, {name});
    return name;
  }
  std::string conv(const std::string& x, std::int64_t in, std::int64_t out, int spatial) {
    Dims w{out, in}, pads;
    for (int i = 0; i < spatial; ++i) w.push_back(3);
    pads.assign(static_cast<std::size_t>(2 * spatial), 1);
    const std::string name = fresh();
    onnx.node("Conv", {x, random(w), random({out})}, {name}).set("pads", pads);
    return name;
  }
  std::string conv_transpose(const std::string& x, std::int64_t in, std::int64_t out, int spatial) {
    Dims w{in, out};
    for (int i = 0; i < spatial; ++i) w.push_back(2);
    return op("ConvTranspose", {x, random(w)});
  }
  std::string gemm(const std::string& x, std::int64_t in, std::int64_t out) {
    const std::string name = fresh();
    onnx.node("Gemm", {x, random({out, in}), random({out})}, {name}).set("transB", 1);
    return name;
  }
  std::string norm(const std::string& x, std::int64_t channels) {
    return op("BatchNormalization",
              {x, random({channels}, 0.5F, 2), random({channels}), random({channels}), random({channels}, 0.5F, 3)});
  }
  std::string relu(const std::string& x) { return op("Relu", {x}); }
  std::string clip(const std::string& x, float lo, float hi) { return op("Clip", {x, scalar(lo), scalar(hi)}); }

 private:
  std::string fresh() { return "v" + std::to_string(count_++); }
  std::mt19937 engine_{11};
  int count_ = 0;
};

struct Fusion {
  const char* name;
  Dims x;
  const char* remains;
  std::function<std::string(Net&)> draw;
  bool residual = false;           // reads r, of the shape of y
  const char* on_codes = nullptr;  // what remains in the session where a later pass fuses more
};

const Dims kImage{1, 4, 6, 6}, kLine{1, 4, 9}, kRow{2, 4};

const Fusion kFusions[] = {
    {"Conv + BN, 2d", kImage, "Conv2d", [](Net& n) { return n.norm(n.conv("x", 4, 5, 2), 5); }},
    {"Conv + BN, 1d", kLine, "Conv2d", [](Net& n) { return n.norm(n.conv("x", 4, 5, 1), 5); }},
    {"Conv + BN + ReLU, 2d", kImage, "Conv2d", [](Net& n) { return n.relu(n.norm(n.conv("x", 4, 5, 2), 5)); }},
    {"Conv + BN + ReLU, 1d", kLine, "Conv2d", [](Net& n) { return n.relu(n.norm(n.conv("x", 4, 5, 1), 5)); }},
    {"Conv + ReLU, 2d", kImage, "Conv2d", [](Net& n) { return n.relu(n.conv("x", 4, 5, 2)); }},
    {"Conv + ReLU, 1d", kLine, "Conv2d", [](Net& n) { return n.relu(n.conv("x", 4, 5, 1)); }},
    {"Conv + ReLU6 as Clip", kImage, "Conv2d", [](Net& n) { return n.clip(n.conv("x", 4, 5, 2), 0, 6); }},
    {"Linear + BN", kRow, "Dense", [](Net& n) { return n.norm(n.gemm("x", 4, 3), 3); }},
    {"Linear + BN + ReLU", kRow, "Dense", [](Net& n) { return n.relu(n.norm(n.gemm("x", 4, 3), 3)); }},
    {"Linear + ReLU", kRow, "Dense", [](Net& n) { return n.relu(n.gemm("x", 4, 3)); }},
    {"Linear + ReLU as MatMul and Add", kRow, "Dense",
     [](Net& n) {
       return n.relu(n.op("Add", {n.op("MatMul", {"x", n.random({4, 3})}), n.random({3})}));
     }},
    {"BN + ReLU, 2d", kImage, "Conv2d", [](Net& n) { return n.relu(n.norm("x", 4)); }},
    {"BN + ReLU, 1d", kLine, "Conv2d", [](Net& n) { return n.relu(n.norm("x", 4)); }},
    {"BN + ReLU, rows", kRow, "Conv2d", [](Net& n) { return n.relu(n.norm("x", 4)); }},
    {"BN alone", kImage, "Conv2d", [](Net& n) { return n.norm("x", 4); }},
    {"ConvTranspose + BN, 2d", kImage, "ConvTranspose2d",
     [](Net& n) { return n.norm(n.conv_transpose("x", 4, 5, 2), 5); }},
    {"ConvTranspose + BN, 1d", kLine, "ConvTranspose2d",
     [](Net& n) { return n.norm(n.conv_transpose("x", 4, 5, 1), 5); }},
    {"ConvTranspose + BN + ReLU", kImage, "ConvTranspose2d",
     [](Net& n) { return n.relu(n.norm(n.conv_transpose("x", 4, 5, 2), 5)); }},
    {"Conv + Add", kImage, "Conv2d Binary",
     [](Net& n) {
       return n.op("Add", {n.conv("x", 4, 5, 2), "r"});
     },
     true, "Conv2d"},
    {"Conv + Add + ReLU", kImage, "Conv2d Binary",
     [](Net& n) {
       return n.relu(n.op("Add", {"r", n.conv("x", 4, 5, 2)}));
     },
     true, "Conv2d"},
    {"Conv + Add, 1d", kLine, "Conv2d Binary",
     [](Net& n) {
       return n.op("Add", {n.conv("x", 4, 5, 1), "r"});
     },
     true, "Conv2d"},
    {"Conv + Add + ReLU, 1d", kLine, "Conv2d Binary",
     [](Net& n) {
       return n.relu(n.op("Add", {n.conv("x", 4, 5, 1), "r"}));
     },
     true, "Conv2d"},
    {"Add + ReLU", kImage, "Binary",
     [](Net& n) {
       return n.relu(n.op("Add", {"x", "r"}));
     },
     true},
    {"Mul + ReLU", kImage, "Binary",
     [](Net& n) {
       return n.relu(n.op("Mul", {"x", "r"}));
     },
     true},
    {"HardSwish: x * HardSigmoid(x)", kRow, "Unary",
     [](Net& n) {
       n.onnx.node("HardSigmoid", {"x"}, {"gate"}).set("alpha", 1.0F / 6).set("beta", 0.5F);
       return n.op("Mul", {"x", "gate"});
     }},
    {"HardSwish: Add, Clip, Mul, Div", kRow, "Unary",
     [](Net& n) {
       const std::string gate = n.clip(n.op("Add", {"x", n.scalar(3)}), 0, 6);
       return n.op("Div", {n.op("Mul", {"x", gate}), n.scalar(6)});
     }},
    {"HardSigmoid: Add, Clip, Div", kRow, "Unary",
     [](Net& n) {
       return n.op("Div", {n.clip(n.op("Add", {"x", n.scalar(3)}), 0, 6), n.scalar(6)});
     }},
    {"SiLU: x * Sigmoid(x)", kRow, "Unary",
     [](Net& n) {
       return n.op("Mul", {"x", n.op("Sigmoid", {"x"})});
     }},
    {"GELU: erf", kRow, "Unary",
     [](Net& n) {
       const std::string erf = n.op("Erf", {n.op("Div", {"x", n.scalar(1.41421356F)})});
       return n.op("Mul", {n.op("Mul", {"x", n.op("Add", {erf, n.scalar(1)})}), n.scalar(0.5F)});
     }},
    {"GELU: tanh, with Pow", kRow, "Unary",
     [](Net& n) {
       const std::string cube = n.op("Mul", {n.op("Pow", {"x", n.scalar(3)}), n.scalar(0.044715F)});
       const std::string tanh = n.op("Tanh", {n.op("Mul", {n.op("Add", {"x", cube}), n.scalar(0.7978845608F)})});
       return n.op("Mul", {n.op("Mul", {"x", n.scalar(0.5F)}), n.op("Add", {tanh, n.scalar(1)})});
     }},
    {"GELU: tanh, with products", kRow, "Unary",
     [](Net& n) {
       const std::string cube = n.op("Mul", {n.op("Mul", {n.op("Mul", {"x", "x"}), "x"}), n.scalar(0.044715F)});
       const std::string tanh = n.op("Tanh", {n.op("Mul", {n.scalar(0.7978845608F), n.op("Add", {cube, "x"})})});
       return n.op("Mul", {n.op("Mul", {n.scalar(0.5F), "x"}), n.op("Add", {n.scalar(1), tanh})});
     }},
    {"GELU: tanh, x * (1 + 0.044715 x^2)", kRow, "Unary",
     [](Net& n) {
       const std::string square = n.op("Mul", {n.op("Mul", {n.scalar(0.044715F), "x"}), "x"});
       const std::string inner =
           n.op("Mul", {n.op("Mul", {"x", n.scalar(0.7978845608F)}), n.op("Add", {square, n.scalar(1)})});
       return n.op("Mul", {n.op("Mul", {"x", n.scalar(0.5F)}), n.op("Add", {n.op("Tanh", {inner}), n.scalar(1)})});
     }},
};

// Ops that compute, in order; reshapes and conversions only stand between layouts and types.
std::string computing(std::span<const OpInfo> ops) {
  std::string text;
  for (const OpInfo& op : ops) {
    if (op.op == "Quantize" || op.op == "Dequantize" || op.op == "Transpose" || op.op == "Reshape") continue;
    text += (text.empty() ? "" : " ") + op.op;
    CHECK(op.precision == "int8");
  }
  return text;
}

std::string computing(const graph::Graph& graph) {
  std::string text;
  for (const graph::Node& node : graph.nodes) {
    if (node.op != graph::Op::Reshape) text += std::string(text.empty() ? "" : " ") + graph::name_of(node.op);
  }
  return text;
}

graph::Graph imported(const Fusion& fusion, const Dims& y) {
  Net net(fusion.x);
  if (fusion.residual) net.onnx.input("r", y);
  const std::string result = fusion.draw(net);
  net.onnx.node("Identity", {result}, {"y"});
  net.onnx.output("y");
  graph::Graph graph = tests::imported(net.onnx);
  REQUIRE(graph::fold_constants(graph).ok());  // knows shapes now
  return graph;
}

}  // namespace

TEST_CASE("the list of fusions: same numbers, and one operator on codes", "[fusion]") {
  for (const Fusion& fusion : kFusions) {
    INFO(fusion.name);
    Dims y = fusion.x;
    if (fusion.on_codes != nullptr) y[1] = 5;
    const graph::Graph before = imported(fusion, y);
    graph::Graph after = before;
    REQUIRE(graph::simplify(after).ok());
    CHECK(computing(after) == fusion.remains);
    CHECK(graph::difference(before, after) < 1e-5);

    const Model fp32 = runtime::make_model(after, nullptr);
    Calibrator calibrator = Calibrator::create(fp32).value();
    std::mt19937 engine(5);
    std::uniform_real_distribution<float> uniform(-3, 3);
    std::vector<std::vector<float>> memory;
    std::vector<TensorInfo> infos = fp32.inputs();
    std::vector<NamedTensor> sample;
    for (const TensorInfo& info : infos) {
      memory.emplace_back(static_cast<std::size_t>(info.shape.count()));
      for (float& x : memory.back()) x = uniform(engine);
    }
    for (std::size_t i = 0; i < infos.size(); ++i) sample.push_back({infos[i].name, infos[i].shape, memory[i]});
    calibrator.observe(sample).value();
    const auto session = Session::create(calibrator.convert().value()).value();
    CHECK(computing(session.ops()) == (fusion.on_codes != nullptr ? fusion.on_codes : fusion.remains));
  }
}
