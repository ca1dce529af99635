// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/odometer.h"
#include "kernels/packed_gemm.h"
#include "kernels/requantize.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kLongestSum = 33025;  // 255 * 255 * 33025 < 2^31

// (..., m, k) x (..., k, n), and where each product of the batch finds its operands.
struct MatMulGeometry {
  std::int64_t m = 1, k = 1, n = 1;
  std::vector<Axis<2>> batch;  // strides of a and b in elements, 0 where broadcast
};

Result<MatMulGeometry> geometry_of(const OpContext& ctx) {
  for (const Operand* operand : {&ctx.inputs[0], &ctx.inputs[1], &ctx.outputs[0]}) {
    if (const auto count = count_of(ctx, *operand, "an operand"); !count) return count.status();
  }
  const Shape &a = ctx.inputs[0].shape, &b = ctx.inputs[1].shape;
  const Status misfit = ctx.error(
      fmt::format("{} and {} do not multiply to {}", to_string(a), to_string(b), to_string(ctx.outputs[0].shape)));
  if (a.rank() < 1 || b.rank() < 1) return misfit;
  MatMulGeometry g;
  g.m = a.rank() == 1 ? 1 : a[a.rank() - 2];
  g.k = a[a.rank() - 1];
  g.n = b.rank() == 1 ? 1 : b[b.rank() - 1];
  if (g.k != (b.rank() == 1 ? b[0] : b[b.rank() - 2])) return misfit;
  if (g.k < 1 || g.k > kLongestSum) {
    return ctx.error(fmt::format("{} products per sum: must be 1 to {}", g.k, kLongestSum));
  }
  // Leading axes, from the last one outwards.
  const int leading = std::max({a.rank(), b.rank(), 2}) - 2;
  std::int64_t a_stride = g.m * g.k, b_stride = g.k * g.n, products = 1;
  for (int i = 0; i < leading; ++i) {
    const int a_axis = a.rank() - 3 - i, b_axis = b.rank() - 3 - i;
    const std::int64_t a_size = a_axis >= 0 ? a[a_axis] : 1, b_size = b_axis >= 0 ? b[b_axis] : 1;
    if (a_size != b_size && a_size != 1 && b_size != 1) return misfit;
    const std::int64_t size = a_size == 1 ? b_size : a_size;
    g.batch.insert(g.batch.begin(), {size, {a_size == 1 ? 0 : a_stride, b_size == 1 ? 0 : b_stride}});
    a_stride *= a_size;
    b_stride *= b_size;
    products *= size;
  }
  if (products * g.m * g.n != ctx.outputs[0].shape.count()) return misfit;
  return g;
}

// Nothing is known of the right operand before the run, so each slice packs the column blocks that
// it multiplies, once per product of the batch.
class Int8MatMul final : public Prepared {
 public:
  Int8MatMul(const OpContext& ctx, const MatMulGeometry& g, Codes a, Codes b, Epilogue epilogue)
      : g_(g),
        backend_(ctx.backend),
        gemm_(ctx.backend.gemm.saturates != 0 ? ctx.backend.gemm_exact : ctx.backend.gemm),
        za_(a.zero_point),
        zb_(b.zero_point),
        b_flip_(flip_to_s8(ctx.inputs[1])),
        epilogue_(std::move(epilogue)),
        batch_(std::span<const Axis<2>>(g.batch)) {
    blocks_ = (g.n + gemm_.nr - 1) / gemm_.nr;
    const std::int64_t units = batch_.count() * blocks_;
    slices_ = slices_for(units, units == 0 ? 0 : macs() / static_cast<double>(units), ctx.threads);
    // A constant left operand whose label is not the backend's is relabelled here.
    if (ctx.inputs[0].dtype != dtype_of(ctx.backend.activation)) {
      const auto codes = ctx.inputs[0].constant_as<std::uint8_t>();
      for (const std::uint8_t code : codes) relabelled_a_.push_back(code ^ 0x80);
      relabelled_a_.resize(codes.size() + kOverread);
    }
  }

  std::size_t scratch_bytes() const override { return packed_bytes() + kPointerBytes + kBiasBytes; }
  int slices() const override { return slices_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    const Range units = share_of(batch_.count() * blocks_, slice, slices_);
    for (std::int64_t unit = units.first; unit < units.last; ++unit) {
      run_unit(io, unit / blocks_, unit % blocks_ * gemm_.nr, scratch);
    }
  }

  std::string kernel() const override {
    return fmt::format("{} gemm{}", backend_.name, gemm_.packing == kPackWords ? " widened" : "");
  }
  double macs() const override { return static_cast<double>(batch_.count() * g_.m) * static_cast<double>(g_.n * g_.k); }

 private:
  static constexpr std::size_t kRows = 64;  // at a time
  static constexpr std::size_t kPointerBytes = kRows * sizeof(void*);
  static constexpr std::size_t kBiasBytes = 256 * sizeof(std::int32_t);

  std::size_t packed_bytes() const {
    return round_up(block_bytes(gemm_, 1, static_cast<std::size_t>(g_.k), gemm_.nr) + kOverread, 64);
  }

  // All rows of one product of the batch, columns from `column` on, at most gemm.nr of them.
  void run_unit(const Io& io, std::int64_t product, std::int64_t column, std::byte* scratch) const noexcept {
    auto** const pointers = reinterpret_cast<const std::uint8_t**>(scratch + packed_bytes());
    auto* const bias = reinterpret_cast<std::int32_t*>(scratch + packed_bytes() + kPointerBytes);
    Odometer<2> position = batch_;
    position.seek(product);
    const auto n = static_cast<std::size_t>(g_.n), k = static_cast<std::size_t>(g_.k),
               m = static_cast<std::size_t>(g_.m);
    const std::size_t block_n = std::min<std::size_t>(gemm_.nr, n - static_cast<std::size_t>(column));
    const std::uint8_t* const a =
        (relabelled_a_.empty() ? io.input<std::uint8_t>(0) : relabelled_a_.data()) + position.offset(0);  // (m, k)
    const std::int8_t* const b = io.input<std::int8_t>(1) + position.offset(1) + column;                  // (k, n)
    pack_block(gemm_, {b, 1, 0, n, b_flip_}, 1, k, block_n, 255, scratch);
    fold_bias(b, k, n, block_n, bias);
    for (std::size_t row = 0; row < m; row += kRows) {
      const std::size_t rows = std::min(kRows, m - row);
      for (std::size_t i = 0; i < rows; ++i) pointers[i] = a + (row + i) * k;
      const std::size_t at = (static_cast<std::size_t>(product) * m + row) * n + static_cast<std::size_t>(column);
      run_gemm(epilogue_,
               {.gemm = &gemm_,
                .weights = scratch,
                .taps = 1,
                .kc = k,
                .n = block_n,
                .column = 0,
                .bias = bias,
                .weight_zero = epilogue_.weight_zero.empty() ? nullptr : epilogue_.weight_zero.data(),
                .extras = {}},
               {.pointers = pointers,
                .m = rows,
                .out = io.outputs[0] + at * epilogue_.out_size(),
                .out_stride = n,
                .residual = nullptr,
                .residual_stride = 0,
                .zeros = nullptr});
    }
  }

  // bias[j] = k*za*zb - za * sum over p of b[p][j], the part of the exact sum that no row changes.
  void fold_bias(const std::int8_t* b, std::size_t k, std::size_t n, std::size_t block_n,
                 std::int32_t* bias) const noexcept {
    for (std::size_t j = 0; j < block_n; ++j) {
      std::int32_t sum = 0;  // |sum| <= 128 * 33025
      for (std::size_t p = 0; p < k; ++p) {
        sum += static_cast<std::int8_t>(static_cast<std::uint8_t>(b[p * n + j]) ^ b_flip_);
      }
      bias[j] = za_ * (static_cast<std::int32_t>(k) * zb_ - sum);  // below 2^31: k * 255 * 255
    }
    std::fill(bias + block_n, bias + 256, 0);
  }

  MatMulGeometry g_;
  Backend backend_;
  Gemm gemm_;
  std::int32_t za_, zb_;
  std::uint8_t b_flip_;
  Epilogue epilogue_;
  Odometer<2> batch_;
  std::int64_t blocks_ = 1;
  std::vector<std::uint8_t> relabelled_a_;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_matmul(const OpContext& ctx) {
  const Operand &left = ctx.inputs[0], &right = ctx.inputs[1], &y = ctx.outputs[0];
  if (left.dtype == DType::f32) return fp32::prepare_matmul(ctx);
  Result<Codes> a = codes_of(ctx, left, "the left operand");
  if (!a) return a.status();
  Result<Codes> b = codes_of(ctx, right, "the right operand");
  if (!b) return b.status();
  if (left.dtype != dtype_of(ctx.backend.activation)) {
    if (left.constant == nullptr) return activation_codes_of(ctx, left, "the left operand").status();
    a->zero_point += left.dtype == DType::u8 ? -128 : 128;
  }
  if (right.dtype == DType::u8) b->zero_point -= 128;
  const Result<MatMulGeometry> g = geometry_of(ctx);
  if (!g) return g.status();

  const graph::Clamp& clamp = std::get<graph::MatMulAttrs>(ctx.attrs).clamp;
  Epilogue epilogue;
  epilogue.clamp = clamp;
  epilogue.finish = Finish::accumulators;
  float so = 1;
  if (y.dtype != DType::f32) {
    const Result<Codes> out = activation_codes_of(ctx, y, "the output");
    if (!out) return out.status();
    const CodeRange range = code_range(out->dtype, out->scale, out->zero_point, clamp);
    so = out->scale;
    epilogue.zero_point = out->zero_point;
    epilogue.min = range.min;
    epilogue.max = range.max;
    epilogue.finish = finish_of(ctx.requant);
  }
  constexpr std::size_t kColumns = 255;  // of the widest block
  epilogue.resize(kColumns);
  if (b->zero_point != 0) epilogue.weight_zero.assign(kColumns, b->zero_point);
  for (std::size_t c = 0; c < kColumns; ++c) {
    if (Status status = epilogue.set_factor(ctx, c, a->scale, b->scale, so); !status) return status;
  }
  return PreparedOp(std::make_unique<Int8MatMul>(ctx, *g, *a, *b, std::move(epilogue)));
}

}  // namespace octet::kernels
