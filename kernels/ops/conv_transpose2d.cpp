// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/indirection.h"
#include "kernels/packed_gemm.h"

namespace octet::kernels {
namespace {

// Seen from its output a transposed convolution is an ordinary one: pixel o reads input pixel
// (o + pad - k*dilation) / stride for each tap k that divides. Which taps do depends only on o modulo
// stride, so every such phase is a GEMM of its own, over the taps that it uses.

// One axis: the tap sets that occur, and which one each phase (o modulo stride) has.
struct Phases {
  std::vector<std::vector<std::int64_t>> sets;
  std::vector<std::size_t> set_of;

  Phases(std::int64_t kernel, std::int64_t stride, std::int64_t dilation, std::int64_t pad, std::int64_t out) {
    for (std::int64_t phase = 0; phase < std::min(stride, out); ++phase) {
      std::vector<std::int64_t> taps;
      for (std::int64_t k = 0; k < kernel; ++k) {
        if ((phase + pad - k * dilation) % stride == 0) taps.push_back(k);
      }
      const auto known = std::ranges::find(sets, taps);
      set_of.push_back(static_cast<std::size_t>(known - sets.begin()));
      if (known == sets.end()) sets.push_back(taps);
    }
  }
};

class ConvTranspose final : public Prepared {
 public:
  // gemms (row sets, column sets); a combination without taps has one, of zero weights.
  ConvTranspose(const OpContext& ctx, const ConvGeometry& g, Phases rows, Phases columns, std::vector<PackedGemm> gemms)
      : g_(g),
        rows_(std::move(rows)),
        columns_(std::move(columns)),
        gemms_(std::move(gemms)),
        label_(fmt::format("{} gemm {}x{} transposed", ctx.backend.name, g.kernel[0], g.kernel[1])),
        zero_row_(static_cast<std::size_t>(g.in_channels) + kOverread,
                  static_cast<std::uint8_t>(ctx.inputs[0].quant->zero_point[0])) {
    const std::int64_t out_rows = g.batch * g.out[0];
    slices_ = slices_for(out_rows, out_rows == 0 ? 0 : macs() / static_cast<double>(out_rows), ctx.threads);
  }

  std::size_t scratch_bytes() const override { return pointer_bytes(); }
  int slices() const override { return slices_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    const Range rows = share_of(g_.batch * g_.out[0], slice, slices_);
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      for (std::size_t phase = 0; phase < columns_.set_of.size(); ++phase) run_phase(io, row, phase, scratch);
    }
  }

  std::string kernel() const override { return label_ + gemms_.front().note(); }
  std::size_t weight_bytes() const override {
    std::size_t bytes = 0;
    for (const PackedGemm& gemm : gemms_) bytes += gemm.weight_bytes();
    return bytes;
  }
  double macs() const override {
    return static_cast<double>(g_.batch * g_.in[0] * g_.in[1] * g_.in_channels) *
           static_cast<double>(g_.out_channels / g_.groups * g_.taps());
  }

 private:
  std::size_t pointer_bytes() const {
    return round_up(static_cast<std::size_t>(g_.out[1] * g_.taps()) * sizeof(void*), 64);
  }

  // The pixels phase, phase + stride, ... of output row `row`, counted over (batch, out height).
  void run_phase(const Io& io, std::int64_t row, std::size_t phase, std::byte* scratch) const noexcept {
    auto** const pointers = reinterpret_cast<const std::uint8_t**>(scratch);  // (pixels, taps)
    const std::int64_t image = row / g_.out[0], oy = row % g_.out[0], start = static_cast<std::int64_t>(phase);
    const std::size_t row_set = rows_.set_of[static_cast<std::size_t>(oy % g_.stride[0])];
    const std::size_t column_set = columns_.set_of[phase];
    const PackedGemm& gemm = gemms_[row_set * columns_.sets.size() + column_set];
    const std::uint8_t** next = pointers;
    std::size_t m = 0;
    for (std::int64_t ox = start; ox < g_.out[1]; ox += g_.stride[1], ++m) {
      for (const std::int64_t ky : rows_.sets[row_set]) {
        const std::int64_t iy = (oy + g_.pad[0] - ky * g_.dilation[0]) / g_.stride[0];  // exact by the set's choice
        for (const std::int64_t kx : columns_.sets[column_set]) {
          const std::int64_t ix = (ox + g_.pad[1] - kx * g_.dilation[1]) / g_.stride[1];
          const bool inside = iy >= 0 && iy < g_.in[0] && ix >= 0 && ix < g_.in[1];
          *next++ = inside ? io.input<std::uint8_t>(0) + ((image * g_.in[0] + iy) * g_.in[1] + ix) * g_.in_channels
                           : zero_row_.data();
        }
      }
      if (next == pointers + m) *next++ = zero_row_.data();  // no taps at all
    }
    const std::size_t at = static_cast<std::size_t>(row * g_.out[1] + start) * gemm.columns();
    gemm.run(0, gemm.blocks(),
             {.pointers = pointers,
              .m = m,
              .out = io.outputs[0] + at * gemm.out_size(),
              .out_stride = static_cast<std::size_t>(g_.stride[1]) * gemm.columns(),
              .residual = nullptr,
              .residual_stride = 0,
              .zeros = nullptr},
             pointers);
  }

  ConvGeometry g_;
  Phases rows_, columns_;
  std::vector<PackedGemm> gemms_;  // (row sets, column sets)
  std::string label_;
  std::vector<std::uint8_t> zero_row_;
  int slices_ = 1;
};

constexpr std::int64_t kLargest = std::int64_t{1} << 31;  // keeps every product of sizes inside int64

Result<ConvGeometry> geometry_of(const OpContext& ctx, const graph::ConvTranspose2dAttrs& attrs) {
  const Shape &x = ctx.inputs[0].shape, &w = ctx.inputs[1].shape, &y = ctx.outputs[0].shape;
  if (!attrs.channels_last) return ctx.error("an int8 transposed convolution must be channels-last");
  if (x.rank() != 4 || w.rank() != 4 || y.rank() != 4) return ctx.error("input, weights and output must have 4 axes");
  for (const Operand* operand : {&ctx.inputs[0], &ctx.inputs[1], &ctx.outputs[0]}) {
    if (const auto count = count_of(ctx, *operand, "an operand"); !count) return count.status();
  }
  const ConvGeometry g{.batch = x[0],
                       .in = {x[1], x[2]},
                       .out = {y[1], y[2]},
                       .in_channels = x[3],
                       .out_channels = y[3],
                       .groups = attrs.groups,
                       .kernel = {w[2], w[3]},
                       .stride = attrs.window.stride,
                       .dilation = attrs.window.dilation,
                       .pad = attrs.window.pad_begin};
  if (g.groups < 1 || g.in_channels % g.groups != 0 || w[0] != g.in_channels || w[1] > kLargest ||
      g.groups > kLargest || w[1] * g.groups != g.out_channels || y[0] != g.batch) {
    return ctx.error(fmt::format("weights {} do not fit input {}, output {} and {} groups", to_string(w), to_string(x),
                                 to_string(y), g.groups));
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    for (const std::int64_t size : {g.in[axis], g.out[axis], g.kernel[axis], g.stride[axis], g.dilation[axis]}) {
      if (size < 1 || size > kLargest)
        return ctx.error(fmt::format("size {} at axis {}: must be at least 1", size, axis));
    }
    // A negative pad widens the output; the formulas hold for it too.
    if (std::abs(g.pad[axis]) > kLargest)
      return ctx.error(fmt::format("pad {} at axis {}: out of range", g.pad[axis], axis));
  }
  if (g.in_channels < 1 || g.out_channels < 1) return ctx.error("channels: must be at least 1");
  return g;
}

// The weights (in, out/groups, kh, kw) under the taps of one phase.
WeightMatrix weights_of_phase(const Operand& w, const ConvGeometry& g, const std::vector<std::int64_t>& rows,
                              const std::vector<std::int64_t>& columns) {
  const auto groups = static_cast<std::size_t>(g.groups), kc = static_cast<std::size_t>(g.in_channels) / groups;
  const auto outs = static_cast<std::size_t>(g.out_channels) / groups, taps = static_cast<std::size_t>(g.taps());
  const std::size_t used = rows.size() * columns.size();
  if (used == 0) return {std::vector<std::int8_t>(groups * outs * kc), groups, outs, 1, kc};
  return gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), groups, outs, used, kc,
                        [&](std::size_t c, std::size_t t, std::size_t p) {
                          const std::int64_t ky = rows[t / columns.size()], kx = columns[t % columns.size()];
                          const std::size_t in = c / outs * kc + p;
                          return (in * outs + c % outs) * taps + static_cast<std::size_t>(ky * g.kernel[1] + kx);
                        });
}

std::vector<std::int64_t> all_taps(std::int64_t kernel) {
  std::vector<std::int64_t> taps;
  for (std::int64_t k = 0; k < kernel; ++k) taps.push_back(k);
  return taps;
}

}  // namespace

Result<PreparedOp> prepare_conv_transpose2d(const OpContext& ctx) {
  if (ctx.inputs[0].dtype == DType::f32) return fp32::prepare_conv_transpose2d(ctx);
  if (Status status = check_int8_operands(ctx); !status) return status;
  const auto& attrs = std::get<graph::ConvTranspose2dAttrs>(ctx.attrs);
  const Result<ConvGeometry> geometry = geometry_of(ctx, attrs);
  if (!geometry) return geometry.status();
  const ConvGeometry& g = *geometry;
  const Operand& w = ctx.inputs[1];
  const Result<WeightQuant> quant = weight_quant(ctx, 1, static_cast<std::size_t>(g.out_channels));
  if (!quant) return quant.status();
  // The accumulator bound speaks of the whole channel, however its taps are dealt out to phases.
  const std::vector<ColumnSums> whole =
      column_sums(weights_of_phase(w, g, all_taps(g.kernel[0]), all_taps(g.kernel[1])), *quant);

  Phases rows(g.kernel[0], g.stride[0], g.dilation[0], g.pad[0], g.out[0]);
  Phases columns(g.kernel[1], g.stride[1], g.dilation[1], g.pad[1], g.out[1]);
  std::vector<PackedGemm> gemms;
  for (const std::vector<std::int64_t>& row_taps : rows.sets) {
    for (const std::vector<std::int64_t>& column_taps : columns.sets) {
      WeightMatrix weights = weights_of_phase(w, g, row_taps, column_taps);
      WeightQuant phase_quant = *quant;
      absorb_zero_points(weights, phase_quant);
      std::vector<ColumnSums> sums = column_sums(weights, phase_quant);
      for (std::size_t c = 0; c < sums.size(); ++c) sums[c].distance = whole[c].distance;
      Result<Epilogue> epilogue = make_epilogue(ctx, phase_quant, sums, weights.k(), attrs.clamp, nullptr);
      if (!epilogue) return epilogue.status();
      gemms.emplace_back(ctx.backend, weights, *std::move(epilogue), ctx.inputs[0].max_code);
    }
  }
  return PreparedOp(std::make_unique<ConvTranspose>(ctx, g, std::move(rows), std::move(columns), std::move(gemms)));
}

}  // namespace octet::kernels
