// SPDX-License-Identifier: Apache-2.0
// octet's convolutions against oneDNN's int8 ones, layer by layer, alternating in one process.
//   bench_peers BACKEND NETWORK [safe|reduced|gaussian|uniform] [ROUNDS]
// oneDNN's instruction set is limited with its own environment variable ONEDNN_MAX_CPU_ISA
// (AVX2, AVX512_CORE_VNNI ...), so that like is compared with like.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <dnnl.hpp>
#include <string>

#include "bench/conv_case.h"
#include "kernels/onednn/primitive.h"
#include "tools/peak.h"

namespace {

using namespace octet;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// u8 NHWC in and out, s8 weights in the layout that oneDNN prefers, s32 bias, per-channel scales.
class OneDnnConv {
 public:
  OneDnnConv(const bench::ConvShape& s, const std::vector<std::int8_t>& weights)
      : stream_(engine_),
        out_(kernels::allocate_aligned(static_cast<std::size_t>(s.pixels() * s.out))),
        in_(kernels::allocate_aligned(static_cast<std::size_t>(s.height() * s.size * s.in))),
        bias_(static_cast<std::size_t>(s.out), 77) {
    std::fill_n(in_.get(), s.height() * s.size * s.in, std::byte{9});
    using dnnl::memory;
    using Type = memory::data_type;
    using Tag = memory::format_tag;
    const memory::desc src({1, s.in, s.size, s.size}, Type::u8, Tag::nhwc);
    const memory::desc dst({1, s.out, s.out_size(), s.out_size()}, Type::u8, Tag::nhwc);
    const memory::desc bias({s.out}, Type::s32, Tag::a);
    const bool grouped = s.groups > 1;
    const memory::dims dims = grouped ? memory::dims{s.groups, s.out / s.groups, s.in / s.groups, s.kernel, s.kernel}
                                      : memory::dims{s.out, s.in, s.kernel, s.kernel};
    const memory::desc plain(dims, Type::s8, grouped ? Tag::goihw : Tag::oihw), any(dims, Type::s8, Tag::any);
    dnnl::primitive_attr attr;
    attr.set_output_scales(1 << 1, std::vector<float>(static_cast<std::size_t>(s.out), 0.0003F));
    const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
                                               src, any, bias, dst, {s.stride, s.stride}, {s.pad(), s.pad()},
                                               {s.pad(), s.pad()});
    const dnnl::convolution_forward::primitive_desc pd(desc, attr, engine_);
    name_ = pd.impl_info_str();
    conv_ = dnnl::convolution_forward(pd);
    memory source(plain, engine_, const_cast<std::int8_t*>(weights.data()));
    memory packed(pd.weights_desc(), engine_);
    dnnl::reorder(source, packed).execute(stream_, source, packed);
    stream_.wait();
    args_ = {{DNNL_ARG_SRC, memory(src, engine_, in_.get())},
             {DNNL_ARG_WEIGHTS, packed},
             {DNNL_ARG_BIAS, memory(bias, engine_, bias_.data())},
             {DNNL_ARG_DST, memory(dst, engine_, out_.get())}};
  }
  void run() {
    conv_.execute(stream_, args_);
    stream_.wait();
  }
  const std::string& name() const { return name_; }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_;
  kernels::AlignedBytes out_, in_;
  std::vector<std::int32_t> bias_;
  dnnl::convolution_forward conv_;
  std::unordered_map<int, dnnl::memory> args_;
  std::string name_;
};

// Best time of one call over alternating batches that take about a millisecond each.
template <class A, class B>
std::pair<double, double> alternate(A a, B b, int rounds) {
  const auto batch = [](auto& f, int n) {
    const double start = now();
    for (int i = 0; i < n; ++i) f();
    return (now() - start) / n;
  };
  a(), b();
  const int n = std::max(1, static_cast<int>(1e-3 / std::max(1e-7, batch(a, 1))));
  double best_a = 1e9, best_b = 1e9;
  for (int i = 0; i < rounds; ++i) {
    best_a = std::min(best_a, batch(a, n));
    best_b = std::min(best_b, batch(b, n));
  }
  return {best_a, best_b};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3)
    return fmt::print(stderr, "usage: bench_peers BACKEND NETWORK [safe|reduced|gaussian|uniform] [ROUNDS]\n"), 2;
  const kernels::onednn::ThreadCount one_thread(1);
  const kernels::Backend* backend = kernels::choose_backend(argv[1]).value().backend;
  const auto kind = bench::weight_kind(argc > 3 ? argv[3] : "safe");
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 15;
  const double peak = tools::measured_peak(backend->name);
  const char* isa = std::getenv("ONEDNN_MAX_CPU_ISA");
  fmt::print("{} against oneDNN int8 (ONEDNN_MAX_CPU_ISA={}), one thread, peak {:.1f} GMAC/s\n", backend->name,
             isa == nullptr ? "unset" : isa, peak);
  for (const bench::Network& network : bench::kNetworks) {
    if (std::string(argv[2]) != network.name) continue;
    double ours = 0, theirs = 0, macs = 0;
    for (const bench::ConvShape& shape : network.layers) {
      const bench::ConvCase conv(shape, *backend, kind, RequantMode::fixed);
      OneDnnConv peer(shape, conv.weights());
      const auto [a, b] = alternate([&] { conv.run(); }, [&] { peer.run(); }, rounds);
      ours += a * shape.times, theirs += b * shape.times, macs += shape.macs() * shape.times;
      fmt::print(
          "{:22} {:9.1f} us {:6.1f} GMAC/s {:5.1f} %   oneDNN {:9.1f} us {:6.1f} GMAC/s   speed ratio {:.3f}   {} | "
          "{}\n",
          shape.name, a * 1e6, shape.macs() / a * 1e-9, 100 * shape.macs() / a * 1e-9 / peak, b * 1e6,
          shape.macs() / b * 1e-9, b / a, conv.kernel(), peer.name());
    }
    fmt::print("{:22} {:9.1f} us {:6.1f} GMAC/s {:5.1f} %   oneDNN {:9.1f} us {:6.1f} GMAC/s   speed ratio {:.3f}\n",
               network.name, ours * 1e6, macs / ours * 1e-9, 100 * macs / ours * 1e-9 / peak, theirs * 1e6,
               macs / theirs * 1e-9, theirs / ours);
  }
}
