// SPDX-License-Identifier: Apache-2.0
#include "kernels/table.h"

#include <fmt/format.h>

namespace octet::kernels {

#include "kernels/requantize.inl"

namespace {

template <class Map>
Table tabulate(const Codes& in, Map map) {
  Table table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = static_cast<std::uint8_t>(map(in.code(static_cast<std::uint8_t>(byte))));
  }
  return table;
}

class LookupOp final : public Prepared {
 public:
  LookupOp(const OpContext& ctx, const Table& table, std::int64_t n, std::string_view form)
      : table_(table),
        lookup_(ctx.backend.lookup),
        n_(n),
        slices_(slices_for(n, 1, ctx.threads)),
        kernel_(fmt::format("{} {}", ctx.backend.name, form)) {}

  int slices() const override { return slices_; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(n_, slice, slices_);
    lookup_(table_.data(), io.input<std::uint8_t>(0) + share.first, io.output<std::uint8_t>() + share.first,
            static_cast<std::size_t>(share.last - share.first));
  }
  std::string kernel() const override { return kernel_; }
  std::size_t weight_bytes() const override { return table_.size(); }

 private:
  Table table_;
  LookupFn lookup_;
  std::int64_t n_;
  int slices_;
  std::string kernel_;
};

}  // namespace

Table requantize_table(const Codes& in, const Codes& out, CodeRange range, RequantMode mode) {
  if (finish_of(mode) == Finish::fixed) {
    const FixedScale m = fixed_scale(fixed_factor(in.scale, 1, out.scale));
    return tabulate(in, [&](std::int32_t q) {
      return requantize_fixed(q - in.zero_point, m.multiplier, m.shift, out.zero_point, range.min, range.max);
    });
  }
  const float factor = floating_factor(in.scale, 1, out.scale, mode);
  return tabulate(in, [&](std::int32_t q) {
    return requantize_floating(q - in.zero_point, factor, out.zero_point, range.min, range.max);
  });
}

bool is_identity(const Table& table) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i] != i) return false;
  }
  return true;
}

Result<std::optional<Table>> relabelling(const OpContext& ctx, const Operand& in, const Operand& out) {
  const bool from_codes = in.quant != nullptr && !in.quant->scale.empty();
  const bool to_codes = out.quant != nullptr && !out.quant->scale.empty();
  if (in.dtype == out.dtype && (from_codes == to_codes) && (!from_codes || *in.quant == *out.quant)) {
    return std::optional<Table>();
  }
  if (!from_codes || !to_codes) {
    return ctx.error(fmt::format("moves {}{} into {}{}: both must be codes, or of one plain type",
                                 from_codes ? "quantized " : "", name_of(in.dtype), to_codes ? "quantized " : "",
                                 name_of(out.dtype)));
  }
  const Result<Codes> source = codes_of(ctx, in, "an input");
  if (!source.ok()) return source.status();
  const Result<Codes> target = codes_of(ctx, out, "an output");
  if (!target.ok()) return target.status();
  const Table table = requantize_table(*source, *target, code_range(target->dtype), ctx.requant);
  return is_identity(table) ? std::optional<Table>() : std::optional<Table>(table);
}

PreparedOp make_lookup(const OpContext& ctx, const Table& table, std::int64_t n, std::string_view form) {
  return std::make_unique<LookupOp>(ctx, table, n, form);
}

}  // namespace octet::kernels
