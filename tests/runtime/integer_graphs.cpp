// SPDX-License-Identifier: Apache-2.0
// Whole quantized graphs against wide integers: random QDQ files with Conv, Add, Concat, pools and
// Gemm go through import, passes, plan and kernels, and must give the codes that the definitions give.
#include <octet/octet.h>

#include <random>

#include "tests/support/catch.h"
#include "tests/support/onnx_builder.h"
#include "tests/support/oracle.h"

using namespace octet;

namespace {

// A quantized image while the expectation is computed: (h, w, c) codes.
struct Image {
  int h = 0, w = 0, c = 0;
  oracle::Codes codes;
  std::vector<int> data;
  std::string name;  // the dequantized value in the ONNX graph
  int at(int y, int x, int k) const { return data[static_cast<std::size_t>((y * w + x) * c + k)]; }
};

// Grows an ONNX graph and its expected codes side by side.
class Twin {
 public:
  Twin(unsigned seed, oracle::Mode mode) : random_(seed), mode_(mode) {}

  Image input(int h, int w, int c) {
    Image image{h, w, c, codes(0.02F), {}, "x"};
    for (int i = 0; i < h * w * c; ++i) image.data.push_back(random(0, 255));
    builder_.input<std::uint8_t>("x_codes", {1, c, h, w});
    dequantize("x", image.codes);
    return image;
  }

  Image conv(const Image& x, int out, int kernel, int stride, int pad, int groups, bool relu) {
    oracle::Conv g;
    g.in_h = x.h, g.in_w = x.w, g.in_c = x.c, g.out_c = out, g.groups = groups;
    g.kernel_h = g.kernel_w = kernel, g.stride_h = g.stride_w = stride;
    g.top = g.left = g.bottom = g.right = pad;
    g.set_output();
    const std::string name = fresh("conv");
    const Weights w = weights(name, {out, x.c / groups, kernel, kernel}, x.codes);
    auto node = builder_.node("Conv", {x.name, name + "_w", name + "_b"}, {name + "_raw"});
    node.set("pads", {pad, pad, pad, pad}).set("strides", {stride, stride}).set("group", groups);
    Image y{g.out_h, g.out_w, out, codes(static_cast<float>(0.4 * kernel)), {}, name};
    const auto sums = oracle::conv2d(g, x.data, x.codes.zero, w.codes, std::vector<int>(static_cast<std::size_t>(out), 0));
    finish(y, sums, x.codes, w, relu);
    return y;
  }

  Image dense(const Image& x, int out) {  // x (1, 1, c)
    const std::string name = fresh("gemm");
    builder_.node("Flatten", {x.name}, {name + "_flat"});
    const Weights w = weights(name, {out, x.c}, x.codes);
    builder_.node("Gemm", {name + "_flat", name + "_w", name + "_b"}, {name + "_raw"}).set("transB", 1);
    std::vector<std::int64_t> sums;
    for (int o = 0; o < out; ++o) {
      std::int64_t sum = 0;
      for (int k = 0; k < x.c; ++k) {
        sum += static_cast<std::int64_t>(x.at(0, 0, k) - x.codes.zero) * w.codes[static_cast<std::size_t>(o * x.c + k)];
      }
      sums.push_back(sum);
    }
    Image y{1, 1, out, codes(0.5F), {}, name};
    finish(y, sums, x.codes, w, false);
    return y;
  }

  Image add(const Image& a, const Image& b, bool relu) {
    Image y{a.h, a.w, a.c, codes(0.05F), {}, fresh("add")};
    builder_.node("Add", {a.name, b.name}, {y.name + "_raw"});
    const int lo = lowest(y, relu);
    for (std::size_t i = 0; i < a.data.size(); ++i) {
      y.data.push_back(oracle::add(a.data[i], a.codes, b.data[i], b.codes, y.codes, lo, 255, mode_));
    }
    return y;
  }

  Image concat(const Image& a, const Image& b) {
    Image y{a.h, a.w, a.c + b.c, codes(0.05F), {}, fresh("concat")};
    builder_.node("Concat", {a.name, b.name}, {y.name + "_raw"}).set("axis", 1);
    quantize(y.name, y.name + "_raw", y.codes);
    for (int i = 0; i < y.h; ++i) {
      for (int j = 0; j < y.w; ++j) {
        for (int k = 0; k < a.c; ++k) y.data.push_back(moved(a, a.at(i, j, k), y));
        for (int k = 0; k < b.c; ++k) y.data.push_back(moved(b, b.at(i, j, k), y));
      }
    }
    return y;
  }

  Image max_pool(const Image& x) {
    Image y{x.h / 2, x.w / 2, x.c, x.codes, {}, fresh("max")};
    builder_.node("MaxPool", {x.name}, {y.name + "_raw"}).set("kernel_shape", {2, 2}).set("strides", {2, 2});
    quantize(y.name, y.name + "_raw", y.codes);
    window(y, [&](int i, int j, int k) {
      y.data.push_back(std::max({x.at(2 * i, 2 * j, k), x.at(2 * i + 1, 2 * j, k), x.at(2 * i, 2 * j + 1, k),
                                 x.at(2 * i + 1, 2 * j + 1, k)}));
    });
    return y;
  }

  // 3x3, stride 1, padding 1 that does not count: one multiplier for corners, edges and the inside each.
  Image average_pool(const Image& x) {
    Image y{x.h, x.w, x.c, codes(x.codes.scale), {}, fresh("average")};
    builder_.node("AveragePool", {x.name}, {y.name + "_raw"}).set("kernel_shape", {3, 3}).set("pads", {1, 1, 1, 1});
    quantize(y.name, y.name + "_raw", y.codes);
    window(y, [&](int i, int j, int k) {
      std::int64_t sum = 0;
      int n = 0;
      for (int r = std::max(i - 1, 0); r <= std::min(i + 1, x.h - 1); ++r) {
        for (int s = std::max(j - 1, 0); s <= std::min(j + 1, x.w - 1); ++s, ++n) sum += x.at(r, s, k) - x.codes.zero;
      }
      y.data.push_back(mean(sum, n, x, y));
    });
    return y;
  }

  Image global_average(const Image& x) {
    Image y{1, 1, x.c, codes(x.codes.scale), {}, fresh("global")};
    builder_.node("GlobalAveragePool", {x.name}, {y.name + "_raw"});
    quantize(y.name, y.name + "_raw", y.codes);
    for (int k = 0; k < x.c; ++k) {
      std::int64_t sum = 0;
      for (int p = 0; p < x.h * x.w; ++p) sum += x.data[static_cast<std::size_t>(p * x.c + k)] - x.codes.zero;
      y.data.push_back(mean(sum, x.h * x.w, x, y));
    }
    return y;
  }

  // The codes of `y` as a model output, on every usable backend and at several thread counts.
  void check(const Image& x, const Image& y) {
    builder_.output(y.name + "_codes");
    const std::string file = builder_.bytes();
    const Model model = Model::parse(std::as_bytes(std::span(file))).value();
    for (const BackendInfo& backend : backends()) {
      if (!backend.usable) continue;
      for (int threads : {1, 3}) {
        INFO(backend.name << ", " << threads << " threads");
        auto session = Session::create(model, {.backend = backend.name, .threads = threads, .requant = RequantMode::fixed}).value();
        for (const OpInfo& op : session.ops()) {
          INFO(op.name << ": " << op.reason);
          CHECK(op.precision == "int8");
        }
        const auto in = session.input<std::uint8_t>();
        for (int k = 0, i = 0; k < x.c; ++k) {
          for (int p = 0; p < x.h * x.w; ++p, ++i) {
            in[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(x.data[static_cast<std::size_t>(p * x.c + k)]);
          }
        }
        session.run();
        const auto out = session.output<std::uint8_t>();
        REQUIRE(out.size() == y.data.size());
        for (int k = 0, i = 0; k < y.c; ++k) {
          for (int p = 0; p < y.h * y.w; ++p, ++i) {
            REQUIRE(int{out[static_cast<std::size_t>(i)]} == y.data[static_cast<std::size_t>(p * y.c + k)]);
          }
        }
      }
    }
  }

  int random(int low, int high) { return low + static_cast<int>(random_() % static_cast<unsigned>(high - low + 1)); }

 private:
  struct Weights {
    std::vector<int> codes;
    std::vector<float> scale;        // (out)
    std::vector<std::int32_t> bias;  // (out)
  };

  std::string fresh(const char* stem) { return stem + std::to_string(++count_); }

  oracle::Codes codes(float scale) { return {scale * static_cast<float>(random(500, 2000)) / 1000.0F, random(0, 255)}; }

  void dequantize(const std::string& name, const oracle::Codes& c) {
    builder_.initializer<float>(name + "_s", {}, {c.scale});
    builder_.initializer<std::uint8_t>(name + "_z", {}, {static_cast<std::uint8_t>(c.zero)});
    builder_.node("DequantizeLinear", {name + "_codes", name + "_s", name + "_z"}, {name});
  }
  void quantize(const std::string& name, const std::string& from, const oracle::Codes& c) {
    dequantize(name, c);  // first, for the parameters; nodes need no order
    builder_.node("QuantizeLinear", {from, name + "_s", name + "_z"}, {name + "_codes"});
  }

  Weights weights(const std::string& name, const tests::Dims& dims, const oracle::Codes& x) {
    Weights w;
    std::int64_t count = 1;
    for (std::int64_t dim : dims) count *= dim;
    std::vector<std::int8_t> stored;
    for (std::int64_t i = 0; i < count; ++i) stored.push_back(static_cast<std::int8_t>(random(-127, 127)));
    w.codes.assign(stored.begin(), stored.end());
    std::vector<float> bias_scale;
    for (std::int64_t o = 0; o < dims[0]; ++o) {
      w.scale.push_back(static_cast<float>(random(100, 2000)) * 1e-5F);
      w.bias.push_back(random(-5000, 5000));
      bias_scale.push_back(x.scale * w.scale.back());
    }
    builder_.dequantized<std::int8_t>(name + "_w", dims, stored, w.scale);
    builder_.dequantized<std::int32_t>(name + "_b", {dims[0]}, w.bias, bias_scale);
    return w;
  }

  // Relu becomes a node before the quantization of y; returns the lowest code it leaves.
  int lowest(const Image& y, bool relu) {
    const std::string raw = y.name + "_raw";
    if (relu) builder_.node("Relu", {raw}, {raw + "_relu"});
    quantize(y.name, relu ? raw + "_relu" : raw, y.codes);
    return relu ? y.codes.zero : 0;
  }

  void finish(Image& y, const std::vector<std::int64_t>& sums, const oracle::Codes& x, const Weights& w, bool relu) {
    const int lo = lowest(y, relu);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t o = i % static_cast<std::size_t>(y.c);
      y.data.push_back(oracle::requantize(sums[i] + w.bias[o], x.scale, w.scale[o], y.codes.scale, y.codes.zero, lo, 255, mode_));
    }
  }

  int moved(const Image& from, int code, const Image& to) const {
    if (from.codes.scale == to.codes.scale && from.codes.zero == to.codes.zero) return code;
    return oracle::requantize_fixed(code - from.codes.zero,
                                    static_cast<double>(from.codes.scale) / static_cast<double>(to.codes.scale),
                                    to.codes.zero, 0, 255);
  }
  int mean(std::int64_t sum, int n, const Image& x, const Image& y) const {
    const double factor = static_cast<double>(x.codes.scale) / (static_cast<double>(y.codes.scale) * n);
    return oracle::requantize_fixed(sum, factor, y.codes.zero, 0, 255);
  }
  template <class Body>
  void window(const Image& y, Body body) {
    for (int i = 0; i < y.h; ++i) {
      for (int j = 0; j < y.w; ++j) {
        for (int k = 0; k < y.c; ++k) body(i, j, k);
      }
    }
  }

  std::mt19937 random_;
  oracle::Mode mode_;
  tests::OnnxBuilder builder_{13};
  int count_ = 0;
};

}  // namespace

TEST_CASE("random int8 graphs equal wide-integer arithmetic bit for bit") {
  for (unsigned seed = 1; seed <= 25; ++seed) {
    INFO("seed " << seed);
    Twin twin(seed, oracle::Mode::fixed);
    const int channels = twin.random(1, 20), side = twin.random(5, 13);
    const Image x = twin.input(side, side + twin.random(0, 3), channels);
    const int out = twin.random(1, 40);
    const Image first = twin.conv(x, out, 3, twin.random(1, 2), 1, 1, true);
    const Image depthwise = twin.conv(first, out, twin.random(0, 1) * 2 + 3, 1, 1, out, twin.random(0, 1) == 1);
    const Image a = twin.conv(depthwise, out, 1, 1, 0, 1, false);
    const Image b = twin.add(a, depthwise, twin.random(0, 1) == 1);
    const Image c = twin.concat(twin.average_pool(b), twin.conv(b, twin.random(1, 9), 3, 1, 1, 1, false));
    const Image d = c.h > 1 && c.w > 1 ? twin.max_pool(c) : c;
    const Image y = twin.dense(twin.global_average(d), twin.random(1, 70));
    twin.check(x, y);
  }
}
