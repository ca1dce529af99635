// SPDX-License-Identifier: Apache-2.0
// Small networks of the families that people deploy: each runs in float, is quantized, computes every convolution and
// matrix product on codes, gives the same bytes on every backend and thread count, and stays close to the float model.
#include <octet/octet.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/float_network.h"

using namespace octet;
using tests::FloatNetwork;
using tests::OnnxNodeBuilder;

namespace {

constexpr std::int64_t kSide = 24;

// (n, groups * k, h, w): channel i of every group, then channel i + 1.
std::string shuffled(FloatNetwork& net, const std::string& x, std::int64_t groups, std::int64_t channels,
                     std::int64_t side) {
  const std::string split = net.reshape(x, {-1, groups, channels / groups, side, side});
  return net.reshape(net.transpose(split, {0, 2, 1, 3, 4}), {-1, channels, side, side});
}

void shufflenet(FloatNetwork& net) {
  std::string x = net.conv_relu("image", 3, 16, {.kernel = 3, .stride = 2});  // 12
  for (int unit = 0; unit < 2; ++unit) {
    const std::string left = "half" + std::to_string(unit), right = "other" + std::to_string(unit);
    net.model.node("Split", {x, net.integers({8, 8})}, {left, right}).set("axis", 1);
    std::string y = net.conv_relu(right, 8, 8);
    y = net.conv(y, 8, 8, {.kernel = 3, .groups = 8});
    x = shuffled(net, net.concat({left, net.conv_relu(y, 8, 8)}), 2, 16, 12);
  }
  std::string y = net.conv_relu(x, 16, 16, {.groups = 2});  // the grouped kind of version 1
  y = net.conv(shuffled(net, y, 2, 16, 12), 16, 16, {.kernel = 3, .groups = 16});
  x = net.relu(net.op("Add", {x, net.conv(y, 16, 16, {.groups = 2})}));
  net.model.node("Identity", {net.classifier(x, 16, 10)}, {"y"});
}

void densenet(FloatNetwork& net) {
  std::string x = net.max_pool(net.conv_relu("image", 3, 16, {.kernel = 3}), 3, 2, 1);
  std::int64_t channels = 16;
  for (int block = 0; block < 2; ++block) {
    for (int layer = 0; layer < 3; ++layer) {
      const std::string bottleneck = net.conv_relu(net.relu(net.batch_norm(x, channels)), channels, 16);
      x = net.concat({x, net.conv(bottleneck, 16, 8, {.kernel = 3, .norm = false})});
      channels += 8;
    }
    x = net.conv(net.relu(net.batch_norm(x, channels)), channels, channels / 2, {.norm = false});
    channels /= 2;
    x = net.op("AveragePool", {x}, [](OnnxNodeBuilder& node) {
      node.set("kernel_shape", {2, 2}).set("strides", {2, 2});
    });
  }
  net.model.node("Identity", {net.classifier(net.relu(net.batch_norm(x, channels)), channels, 10)}, {"y"});
}

void inception(FloatNetwork& net) {
  std::string x = net.max_pool(net.conv_relu("image", 3, 16, {.kernel = 5, .stride = 2, .norm = false}), 3, 1, 1);
  for (std::int64_t in : {16, 40}) {
    const std::string one = net.conv_relu(x, in, 8, {.norm = false});
    const std::string three = net.conv_relu(net.conv_relu(x, in, 8), 8, 16, {.kernel = 3});
    const std::string five = net.conv_relu(net.conv_relu(x, in, 4), 4, 8, {.kernel = 5});
    x = net.concat({one, three, five, net.conv_relu(net.max_pool(x, 3, 1, 1), in, 8)});
  }
  net.model.node("Softmax", {net.classifier(x, 40, 10)}, {"y"});
}

void regnet(FloatNetwork& net) {
  std::string x = net.conv_relu("image", 3, 16, {.kernel = 3, .stride = 2});
  for (int block = 0; block < 2; ++block) {
    std::string y = net.conv_relu(x, 16, 16);
    y = net.conv_relu(y, 16, 16, {.kernel = 3, .groups = 4});
    x = net.relu(net.op("Add", {x, net.conv(net.squeeze_excite(y, 16, "Sigmoid"), 16, 16)}));
  }
  net.model.node("Identity", {net.classifier(x, 16, 10)}, {"y"});
}

void mnasnet(FloatNetwork& net) {
  std::string x = net.conv_relu("image", 3, 8, {.kernel = 3, .stride = 2});
  x = net.conv(net.conv_relu(x, 8, 8, {.kernel = 3, .groups = 8}), 8, 8);
  for (const std::int64_t kernel : {3, 5}) {
    std::string y = net.conv_relu(net.conv_relu(x, 8, 24), 24, 24, {.kernel = kernel, .groups = 24});
    x = net.op("Add", {net.conv(net.squeeze_excite(y, 24, "HardSigmoid"), 24, 8), x});
  }
  const std::string pooled = net.op("ReduceMean", {net.conv_relu(x, 8, 32)}, [](OnnxNodeBuilder& node) {
    node.set("axes", {2, 3}).set("keepdims", 0);
  });
  net.model.node("Identity", {net.gemm(pooled, 32, 10)}, {"y"});
}

std::string gelu_erf(FloatNetwork& net, const std::string& x) {
  const std::string erf = net.op("Erf", {net.op("Div", {x, net.number(1.41421356F)})});
  return net.op("Mul", {net.op("Mul", {x, net.op("Add", {erf, net.number(1)})}), net.number(0.5F)});
}

std::string gelu_tanh(FloatNetwork& net, const std::string& x) {
  const std::string cube = net.op("Mul", {net.op("Pow", {x, net.number(3)}), net.number(0.044715F)});
  const std::string tanh = net.op("Tanh", {net.op("Mul", {net.op("Add", {x, cube}), net.number(0.7978845608F)})});
  return net.op("Mul", {net.op("Mul", {net.number(0.5F), x}), net.op("Add", {tanh, net.number(1)})});
}

void vit(FloatNetwork& net) {
  constexpr std::int64_t kWidth = 32, kHeads = 2, kTokens = 10;
  std::string x = net.op("Conv", {"image", net.reals({kWidth, 3, 8, 8}, 0.1F), net.reals({kWidth}, 0.1F)},
                         [](OnnxNodeBuilder& node) {
                           node.set("strides", {8, 8});
                         });
  x = net.transpose(net.reshape(x, {1, kWidth, kTokens - 1}), {0, 2, 1});
  x = net.op("Add", {net.concat({net.reals({1, 1, kWidth}, 1), x}), net.reals({1, kTokens, kWidth}, 0.5F)});
  const auto norm = [&](const std::string& v) {
    return net.op("LayerNormalization", {v, net.reals({kWidth}, 0.2F, 1), net.reals({kWidth}, 0.1F)},
                  [](OnnxNodeBuilder& node) { node.set("axis", -1); });
  };
  const auto heads = [&](const std::string& v, const tests::Dims& perm) {
    return net.transpose(net.reshape(v, {1, kTokens, kHeads, kWidth / kHeads}), perm);
  };
  for (int block = 0; block < 2; ++block) {
    const std::string tag = std::to_string(block), qkv = net.linear(norm(x), kWidth, 3 * kWidth);
    net.model.node("Split", {qkv, net.integers({kWidth, kWidth, kWidth})}, {"query" + tag, "key" + tag, "value" + tag})
        .set("axis", 2);
    const std::string q = heads("query" + tag, {0, 2, 1, 3}), k = heads("key" + tag, {0, 2, 3, 1});
    const std::string scores = net.op("Div", {net.op("MatMul", {q, k}), net.number(4)});
    const std::string weights = net.op("Softmax", {scores}, [](OnnxNodeBuilder& node) { node.set("axis", -1); });
    const std::string mixed = net.op("MatMul", {weights, heads("value" + tag, {0, 2, 1, 3})});
    const std::string joined = net.reshape(net.transpose(mixed, {0, 2, 1, 3}), {1, kTokens, kWidth});
    x = net.op("Add", {x, net.linear(joined, kWidth, kWidth)});
    const std::string wide = net.linear(norm(x), kWidth, 2 * kWidth);
    x = net.op("Add", {x, net.linear(block == 0 ? gelu_erf(net, wide) : gelu_tanh(net, wide), 2 * kWidth, kWidth)});
  }
  net.model.initializer<std::int64_t>("first", {}, {0});
  const std::string token = net.op("Gather", {norm(x), "first"}, [](OnnxNodeBuilder& node) { node.set("axis", 1); });
  net.model.node("Identity", {net.gemm(token, kWidth, 10)}, {"y"});
}

std::string resized(FloatNetwork& net, const std::string& x, const std::vector<std::int64_t>& sizes) {
  return net.op("Resize", {x, "", "", net.integers(sizes)}, [](OnnxNodeBuilder& node) {
    node.set("mode", "linear").set("coordinate_transformation_mode", "half_pixel");
  });
}

void deeplab(FloatNetwork& net) {
  std::string x = net.conv_relu("image", 3, 16, {.kernel = 3, .stride = 2});
  x = net.conv_relu(x, 16, 16, {.kernel = 3, .stride = 2});  // 6
  std::vector<std::string> parts{net.conv_relu(x, 16, 8)};
  for (const std::int64_t rate : {2, 3}) parts.push_back(net.conv_relu(x, 16, 8, {.kernel = 3, .dilation = rate}));
  parts.push_back(resized(net, net.conv_relu(net.op("GlobalAveragePool", {x}), 16, 8), {1, 8, 6, 6}));
  x = net.conv(net.conv_relu(net.concat(parts), 32, 16), 16, 5, {.norm = false});
  net.model.node("Identity", {resized(net, x, {1, 5, kSide, kSide})}, {"y"});
}

// Feature maps of two sizes, each with a head for boxes and one for scores; several slopes per PRelu.
void face_detector(FloatNetwork& net) {
  const auto block = [&](const std::string& x, std::int64_t in, std::int64_t out, std::int64_t stride) {
    const std::string y = net.op("PRelu", {net.conv(x, in, in, {.kernel = 3, .stride = stride, .groups = in}),
                                           net.reals({in, 1, 1}, 0.1F, 0.25F)});
    return net.op("PRelu", {net.conv(y, in, out), net.reals({out, 1, 1}, 0.1F, 0.25F)});
  };
  std::string x = net.conv_relu("image", 3, 16, {.kernel = 3, .stride = 2});
  std::vector<std::string> boxes, scores;
  for (int level = 0; level < 2; ++level) {
    x = block(x, 16, 16, 2);
    const auto head = [&](std::int64_t numbers) {
      const std::string y = net.conv(x, 16, 2 * numbers, {.kernel = 3, .norm = false});
      return net.reshape(net.transpose(y, {0, 2, 3, 1}), {1, -1, numbers});
    };
    boxes.push_back(head(4));
    scores.push_back(head(2));
  }
  net.model.node("Concat", boxes, {"y"}).set("axis", 1);
  net.model.node("Softmax", {net.concat(scores)}, {"scores"}).set("axis", 2);
  net.model.output("scores");
}

// Style and super-resolution: padding by reflection, InstanceNormalization, DepthToSpace, ConvTranspose.
void image_to_image(FloatNetwork& net) {
  std::string x = net.op("Pad", {"image", net.integers({0, 0, 2, 2, 0, 0, 2, 2})},
                         [](OnnxNodeBuilder& node) { node.set("mode", "reflect"); });
  x = net.conv_relu(x, 3, 16, {.kernel = 3, .stride = 2, .norm = false});  // 14
  x = net.op("InstanceNormalization", {x, net.reals({16}, 0.3F, 1), net.reals({16}, 0.2F)});
  x = net.conv(x, 16, 16, {.kernel = 3, .norm = false});
  x = net.op("DepthToSpace", {x}, [](OnnxNodeBuilder& node) { node.set("blocksize", 2); });
  x = net.op("LeakyRelu", {x});
  x = net.op("ConvTranspose", {x, net.reals({4, 3, 2, 2}, 0.5F), net.reals({3}, 0.1F)}, [](OnnxNodeBuilder& node) {
    node.set("strides", {2, 2});
  });
  net.model.node("Tanh", {x}, {"y"});
}

struct Family {
  const char* name;
  void (*build)(FloatNetwork&);
  double least_sqnr_db;
};

constexpr Family kFamilies[] = {{"ShuffleNet", shufflenet, 20},
                                {"DenseNet", densenet, 20},
                                {"Inception", inception, 20},
                                {"RegNet", regnet, 20},
                                {"MNASNet", mnasnet, 20},
                                {"ViT", vit, 20},
                                {"DeepLab", deeplab, 20},
                                {"face detector", face_detector, 20},
                                {"image to image", image_to_image, 20}};

std::vector<float> image(std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<float> pixels(3 * kSide * kSide);
  // Blocks of 4x4 equal pixels and some noise: like an image more than like noise.
  std::vector<float> blocks(3 * 36);
  for (float& block : blocks) block = static_cast<float>(engine() >> 8) / 8388608.0F - 1;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t x = i % 24, y = i / 24 % 24, c = i / 576;
    pixels[i] = blocks[c * 36 + y / 4 * 6 + x / 4] + 0.2F * (static_cast<float>(engine() >> 8) / 8388608.0F - 1);
  }
  return pixels;
}

std::vector<std::vector<float>> run(const Model& model, const std::vector<float>& x, const SessionOptions& options) {
  auto session = Session::create(model, options);
  INFO(session.status().message());
  REQUIRE(session.ok());
  std::ranges::copy(x, session->input<float>().begin());
  session->run();
  std::vector<std::vector<float>> outputs;
  for (std::size_t i = 0; i < session->outputs().size(); ++i) {
    const auto y = session->output<float>(i);
    outputs.emplace_back(y.begin(), y.end());
  }
  return outputs;
}

Model quantized(const Model& fp32) {
  auto calibrator = Calibrator::create(fp32).value();
  for (std::uint32_t seed = 1; seed <= 8; ++seed) {
    const std::vector<float> x = image(seed);
    const NamedTensor tensor{"image", {1, 3, kSide, kSide}, x};
    calibrator.observe({&tensor, 1}).value();
  }
  return calibrator.convert().value();
}

double sqnr_db(const std::vector<float>& exact, const std::vector<float>& other) {
  double signal = 0, noise = 1e-30;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    signal += double{exact[i]} * exact[i];
    noise += (double{exact[i]} - other[i]) * (double{exact[i]} - other[i]);
  }
  return 10 * std::log10(signal / noise);
}

bool multiplies(const OpInfo& op) {
  return op.op == "Conv2d" || op.op == "ConvTranspose2d" || op.op == "Dense" || op.op == "MatMul";
}

void check_ledger(const Model& model) {
  const Session session = Session::create(model, {.threads = 1}).value();
  for (const OpInfo& op : session.ops()) {
    INFO(op.name << " (" << op.op << "): " << op.reason);
    if (multiplies(op)) CHECK(op.precision.starts_with("int8"));
    if (op.precision == "fp32") CHECK_FALSE(op.reason.empty());
  }
}

Model in_float(const Family& family) {
  FloatNetwork net;
  net.model.input("image", {1, 3, kSide, kSide}).output("y");
  family.build(net);
  auto model = Model::parse(tests::as_bytes(net.model.bytes()));
  INFO(model.status().message());
  REQUIRE(model.ok());
  return *std::move(model);
}

}  // namespace

TEST_CASE("small networks of many families in float and in int8", "[families]") {
  for (const Family& family : kFamilies) {
    INFO(family.name);
    const Model fp32 = in_float(family);
    const std::vector<float> x = image(99);
    const auto exact = run(fp32, x, {.threads = 1});

    const Model int8 = quantized(fp32);
    check_ledger(int8);
    const auto expected = run(int8, x, {.backend = "scalar", .threads = 1});
    for (std::size_t i = 0; i < exact.size(); ++i) {
      INFO("output " << i);
      const double quality = sqnr_db(exact[i], expected[i]);
      CHECK(quality > family.least_sqnr_db);
    }
    for (const BackendInfo& backend : backends()) {
      if (!backend.usable) continue;
      for (const int threads : {1, 2, 3}) {
        INFO(backend.name << ", " << threads << " threads");
        CHECK(run(int8, x, {.backend = backend.name, .threads = threads}) == expected);
      }
    }
    const auto path = std::filesystem::temp_directory_path() / "octet_family_test.onnx";
    const Status saved = int8.save(path);
    INFO(saved.message());
    REQUIRE(saved.ok());
    const Model again = Model::load(path).value();
    std::filesystem::remove(path);
    check_ledger(again);
    CHECK(run(again, x, {.threads = 1}) == expected);
  }
}

TEST_CASE("small networks of many families, quantized dynamically", "[families]") {
  for (const Family& family : kFamilies) {
    INFO(family.name);
    const Model fp32 = in_float(family);
    const Model dynamic = quantize_dynamic(fp32).value();
    const std::vector<float> x = image(99);
    const auto exact = run(fp32, x, {.threads = 1}), expected = run(dynamic, x, {.backend = "scalar", .threads = 1});
    for (std::size_t i = 0; i < exact.size(); ++i) CHECK(sqnr_db(exact[i], expected[i]) > family.least_sqnr_db);
    for (const BackendInfo& backend : backends()) {
      if (backend.usable) CHECK(run(dynamic, x, {.backend = backend.name, .threads = 3}) == expected);
    }
  }
}
