// SPDX-License-Identifier: Apache-2.0
// out[i] = function(fn, a[i], b[i]) over two operands that broadcast to the output's shape. For numbers that are
// no codes; `function` is a template argument, so that its switch over fn is inlined.
#pragma once

#include "kernels/broadcast.h"
#include "kernels/op.h"

namespace octet::kernels {

template <class In, class Out, class Fn, Out (*function)(Fn, In, In)>
class Pairwise final : public Prepared {
 public:
  Pairwise(const OpContext& ctx, Fn fn)
      : broadcast_(ctx.inputs[0].shape, ctx.inputs[1].shape, ctx.outputs[0].shape),
        fn_(fn),
        count_(ctx.outputs[0].shape.count()),
        slices_(slices_for(count_, 2, ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "elementwise"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(count_, slice, slices_);
    broadcast_.for_rows(range.first, range.last,
                        [&](std::int64_t a_at, std::int64_t a_step, std::int64_t b_at, std::int64_t b_step,
                            std::int64_t out_at, std::int64_t n) {
                          const In *a = io.input<In>(0) + a_at, *b = io.input<In>(1) + b_at;
                          Out* out = io.output<Out>() + out_at;
                          for (std::int64_t i = 0; i < n; ++i) out[i] = function(fn_, a[i * a_step], b[i * b_step]);
                        });
  }

 private:
  Broadcast broadcast_;
  Fn fn_;
  std::int64_t count_;
  int slices_;
};

}  // namespace octet::kernels
