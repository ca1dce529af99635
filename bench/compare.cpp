// SPDX-License-Identifier: Apache-2.0
// Two result files of Google Benchmark as ratios, so that a regression is one command away:
//   bench_compare BEFORE.json AFTER.json [TOLERANCE]
// Prints a line per benchmark that stands in both, slowest ratio first, and exits 1 if the median
// ratio, or any time of at least a microsecond by more than TOLERANCE (default 0.10), became worse.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

// Best time per name in nanoseconds: of several repetitions the least disturbed one.
std::map<std::string, double> read_times(const char* path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("cannot read '{}'", path));
  std::map<std::string, double> times;
  const nlohmann::json document = nlohmann::json::parse(file);
  for (const auto& entry : document.at("benchmarks")) {
    if (entry.value("run_type", "iteration") != "iteration") continue;
    const std::string unit = entry.value("time_unit", "ns");
    const double scale = unit == "ms" ? 1e6 : unit == "us" ? 1e3 : unit == "s" ? 1e9 : 1;
    const double ns = entry.at("real_time").get<double>() * scale;
    const auto [at, is_new] = times.emplace(entry.at("name").get<std::string>(), ns);
    if (!is_new) at->second = std::min(at->second, ns);
  }
  return times;
}

struct Line {
  std::string name;
  double before, after;
  double ratio() const { return after / before; }
};

int compare(const char* before_file, const char* after_file, double tolerance) {
  const auto before = read_times(before_file), after = read_times(after_file);
  std::vector<Line> lines;
  for (const auto& [name, ns] : after) {
    if (const auto found = before.find(name); found != before.end()) lines.push_back({name, found->second, ns});
  }
  if (lines.empty()) throw std::runtime_error("the two files have no benchmark in common");
  std::ranges::sort(lines, std::ranges::greater(), &Line::ratio);
  bool worse = lines[lines.size() / 2].ratio() > 1 + tolerance;
  for (const Line& line : lines) {
    const bool counts = line.ratio() > 1 + tolerance && line.before >= 1000;
    worse = worse || counts;
    fmt::print("{:6.3f}  {:12.1f} -> {:12.1f} us  {}{}\n", line.ratio(), line.before * 1e-3, line.after * 1e-3,
               line.name, counts ? "  <- slower" : "");
  }
  fmt::print("{} benchmarks, time ratio median {:.3f}, worst {:.3f}, best {:.3f}\n", lines.size(),
             lines[lines.size() / 2].ratio(), lines.front().ratio(), lines.back().ratio());
  return worse ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: bench_compare BEFORE.json AFTER.json [TOLERANCE]\n");
    return 2;
  }
  try {
    return compare(argv[1], argv[2], argc > 3 ? std::atof(argv[3]) : 0.10);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_compare: {}\n", error.what());
    return 2;
  }
}
