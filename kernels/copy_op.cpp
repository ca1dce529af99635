// SPDX-License-Identifier: Apache-2.0
#include "kernels/copy_op.h"

namespace octet::kernels {

namespace {

class CopyOp final : public Prepared {
 public:
  CopyOp(const OpContext& ctx, std::vector<CopyStep> steps) : steps_(std::move(steps)), lookup_(ctx.backend.lookup) {
    std::int64_t bytes = 0;
    for (const CopyStep& step : steps_) bytes += step.copy.bytes();
    slices_ = slices_for(bytes, 1, ctx.threads);
  }

  int slices() const override { return slices_; }
  // Every slice takes its share of every step: steps differ in size, shares of one step do not.
  void run(const Io& io, int slice) const noexcept override {
    for (const CopyStep& step : steps_) {
      const std::byte* source =
          step.input == CopyStep::kFill ? step.fill.data() : io.inputs[static_cast<std::size_t>(step.input)];
      const CodeMap map = step.table ? CodeMap{lookup_, step.table->data()} : CodeMap{};
      step.copy.run(source, io.outputs[static_cast<std::size_t>(step.output)],
                    share_of(step.copy.units(), slice, slices_), map);
    }
  }
  std::string kernel() const override { return "copy"; }

 private:
  std::vector<CopyStep> steps_;
  LookupFn lookup_;
  int slices_ = 1;
};

}  // namespace

PreparedOp make_copy(const OpContext& ctx, std::vector<CopyStep> steps) {
  return std::make_unique<CopyOp>(ctx, std::move(steps));
}

std::vector<Axis<2>> box_axes(const Shape& size, const Shape& in, const Shape& out) {
  std::vector<Axis<2>> axes;
  for (int i = 0; i < size.rank(); ++i) {
    axes.push_back({size[i], {in.count(i + 1, in.rank()), out.count(i + 1, out.rank())}});
  }
  return axes;
}

}  // namespace octet::kernels
