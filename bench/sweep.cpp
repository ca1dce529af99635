// SPDX-License-Identifier: Apache-2.0
// Does cost grow as the work does? Hundreds of matrix products and convolutions of at least 10 million
// multiply-accumulates, one thread:
//   bench_sweep BACKEND gemm|conv|grouped [safe|reduced|gaussian|uniform]
// A line per shape, then a table of those below 70 % of peak by reason (bench/sweep_bound.h), the slowest
// of each. Exits with 1 if a shape is slower than its reasons allow: a cliff.
#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>

#include "bench/conv_case.h"
#include "bench/sweep_bound.h"
#include "bench/sweep_shapes.h"
#include "tools/peak.h"

namespace {

using namespace octet;

constexpr double kEnough = 0.70;

std::string text_of(const bench::ConvShape& s) {
  if (s.rows == 1) return fmt::format("{} x {} x {}", s.size, s.in, s.out);
  return fmt::format("{}x{} {} to {}, {}x{}/{}{}", s.size, s.size, s.in, s.out, s.kernel, s.kernel, s.stride,
                     s.groups == 1 ? "" : fmt::format(", {} groups", s.groups));
}

struct Line {
  bench::ConvShape shape;
  double gmacs = 0, of_peak = 0, of_expected = 0;
  const char* reason = "";

  bool slow() const { return of_peak < kEnough; }
  bool cliff() const { return slow() && of_expected < kEnough; }
};

// Keeps the better of this and what the line holds. The machine's speed drifts: the peak is taken right before.
void measure(Line& line, const kernels::Backend& backend, bench::WeightKind kind, bench::Bound& bound) {
  const bench::ConvCase conv(line.shape, backend, kind, RequantMode::fixed);
  const double peak = 1e9 * tools::measured_peak(backend.name);
  const double seconds = bench::best_seconds([&] { conv.run(); }, 4, 5e-4);
  const double of_peak = line.shape.macs() / seconds / peak;
  if (of_peak <= line.of_peak) return;
  const bench::Expected expected = bound.of(line.shape, conv.weight_bytes(), peak);
  line = {line.shape, line.shape.macs() / seconds * 1e-9, of_peak, expected.seconds / seconds, expected.reason};
}

void print(const Line& line) {
  fmt::print("{:34} {:6.1f} GMAC/s {:5.1f} %", text_of(line.shape), line.gmacs, 100 * line.of_peak);
  if (line.slow()) fmt::print("  {}: {:.0f} % of what that allows", line.reason, 100 * line.of_expected);
  fmt::print("{}\n", line.cliff() ? "  CLIFF" : "");
}

void print_table(const std::vector<Line>& lines) {
  std::map<std::string, std::vector<const Line*>> slow;
  for (const Line& line : lines) {
    if (line.slow()) slow[line.cliff() ? "cliff" : line.reason].push_back(&line);
  }
  fmt::print(
      "\n| reason | shapes | slowest | GMAC/s | of peak | of what the reason allows |\n|---|---|---|---|---|---|\n");
  for (const auto& [reason, group] : slow) {
    const Line& worst = **std::ranges::min_element(group, {}, [](const Line* line) { return line->of_peak; });
    fmt::print("| {} | {} | {} | {:.0f} | {:.0f} % | {:.0f} % |\n", reason, group.size(), text_of(worst.shape),
               worst.gmacs, 100 * worst.of_peak, 100 * worst.of_expected);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 2 ? argv[2] : "";
  if (kind != "gemm" && kind != "conv" && kind != "grouped") {
    return fmt::print(stderr, "usage: bench_sweep BACKEND gemm|conv|grouped [safe|reduced|gaussian|uniform]\n"), 2;
  }
  const auto chosen = kernels::choose_backend(argv[1]);
  if (!chosen.ok()) return fmt::print(stderr, "{}\n", chosen.status().message()), 2;
  const kernels::Backend& backend = *chosen->backend;
  if (tools::measured_peak(backend.name) == 0)
    return fmt::print(stderr, "{} has no peak to compare with\n", backend.name), 2;
  const bench::WeightKind weights = bench::weight_kind(argc > 3 ? argv[3] : "safe");
  bench::Bound bound(backend, weights);
  std::vector<Line> lines;
  for (const bench::ConvShape& shape : bench::sweep_shapes(kind)) lines.push_back({shape});
  // What looks slow gets two more chances, seconds later.
  for (int pass = 0; pass < 3; ++pass) {
    for (Line& line : lines) {
      if (line.slow()) measure(line, backend, weights, bound);
    }
  }
  for (const Line& line : lines) print(line);
  const auto slow = std::ranges::count_if(lines, &Line::slow), cliffs = std::ranges::count_if(lines, &Line::cliff);
  const auto all = static_cast<std::ptrdiff_t>(lines.size());
  fmt::print("\n{}, {}: {} shapes, {} at {:.0f} % of peak or more, {} slower with a reason, {} cliffs\n", backend.name,
             kind, all, all - slow, 100 * kEnough, slow - cliffs, cliffs);
  print_table(lines);
  return cliffs == 0 ? 0 : 1;
}
