// SPDX-License-Identifier: Apache-2.0
// Which operators of a quantized model stay in fp32 because that is faster: the decision, apart from the clock.
#pragma once

#include <octet/status.h>

#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace octet::runtime {

// An operator that could be either. Times as its neighbours let it run, conversions at borders left aside.
struct OpTimes {
  std::string name;
  double int8_seconds = 0, fp32_seconds = 0;
};

using KeptFloat = std::set<std::string>;  // names of operators

// Seconds of one run of the whole network, with these operators in fp32 and with those, taken in turn.
struct TwoTimes {
  double first, second;
};
using Compare = std::function<Result<TwoTimes>(const KeptFloat&, const KeptFloat&)>;

struct PlanChoice {
  KeptFloat kept;       // nothing: all int8; every operator: all fp32
  TwoTimes all_int8{};  // all in int8, and the chosen plan
  TwoTimes all_fp32{};  // all in fp32, and the chosen plan
};

// `ops` in execution order. Operators that are faster in fp32 are tried in runs of neighbours, which share their two
// borders, then one by one; each stays in fp32 if the whole network gets faster. What results is compared with
// all int8 and all fp32, and is never slower than either as measured.
Result<PlanChoice> choose_plan(std::span<const OpTimes> ops, const Compare& compare);

}  // namespace octet::runtime
