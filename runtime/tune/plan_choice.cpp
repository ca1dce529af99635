// SPDX-License-Identifier: Apache-2.0
#include "runtime/tune/plan_choice.h"

#include <algorithm>

namespace octet::runtime {
namespace {

// Each try prepares a whole network, so many small gains are not looked for.
constexpr int kMostTries = 32;
// A smaller gain is not told from noise, and int8 needs less memory.
constexpr double kLeastGain = 0.02;

struct Unit {
  std::vector<OpTimes> ops;
  double gain() const {
    double sum = 0;
    for (const OpTimes& op : ops) sum += op.int8_seconds - op.fp32_seconds;
    return sum;
  }
};

// Neighbours that are each faster in fp32, most gain first.
std::vector<Unit> runs_of_faster(std::span<const OpTimes> ops) {
  std::vector<Unit> units;
  bool goes_on = false;
  for (const OpTimes& op : ops) {
    const bool faster = op.fp32_seconds < op.int8_seconds;
    if (faster && !goes_on) units.emplace_back();
    if (faster) units.back().ops.push_back(op);
    goes_on = faster;
  }
  std::ranges::stable_sort(units, std::ranges::greater(), &Unit::gain);
  return units;
}

class Chooser {
 public:
  explicit Chooser(const Compare& compare) : compare_(compare) {}

  Status attempt(const Unit& unit) {
    if (tries_++ >= kMostTries) return {};
    KeptFloat more = kept;
    for (const OpTimes& op : unit.ops) more.insert(op.name);
    const Result<TwoTimes> times = compare_(kept, more);
    if (!times.ok()) return times.status();
    const bool pays = times->second < (1 - kLeastGain) * times->first;
    if (pays) kept = std::move(more);
    if (pays || unit.ops.size() == 1) return {};
    std::vector<OpTimes> alone = unit.ops;
    std::ranges::stable_sort(alone, std::ranges::greater(),
                             [](const OpTimes& op) { return op.int8_seconds - op.fp32_seconds; });
    for (const OpTimes& op : alone) {
      if (Status status = attempt({{op}}); !status.ok()) return status;
    }
    return {};
  }

  KeptFloat kept;

 private:
  const Compare& compare_;
  int tries_ = 0;
};

}  // namespace

Result<PlanChoice> choose_plan(std::span<const OpTimes> ops, const Compare& compare) {
  Chooser chooser(compare);
  for (const Unit& unit : runs_of_faster(ops)) {
    if (Status status = chooser.attempt(unit); !status.ok()) return status;
  }
  KeptFloat all;
  for (const OpTimes& op : ops) all.insert(op.name);
  // Steps that each seemed to pay may have been noise together: the extremes have the last word.
  PlanChoice choice{std::move(chooser.kept), {}, {}};
  for (const KeptFloat& extreme : {KeptFloat{}, all}) {
    const Result<TwoTimes> times = compare(extreme, choice.kept);
    if (!times.ok()) return times.status();
    const bool extreme_wins = times->first < times->second;
    (extreme.empty() ? choice.all_int8 : choice.all_fp32) = {times->first, std::min(times->first, times->second)};
    if (extreme_wins) choice.kept = extreme;
  }
  return choice;
}

}  // namespace octet::runtime
