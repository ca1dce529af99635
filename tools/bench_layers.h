// SPDX-License-Identifier: Apache-2.0
// Where the time of one run goes: a line per operator, fp32 beside int8, and the sums.
#pragma once

#include <octet/session.h>
#include <octet/status.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace octet::tools {

struct LayerTime {
  OpInfo op;
  std::string kind;    // "kernels", "elementwise", "conversions" or "fp32"
  double us = 0;       // median over the runs
  double fp32_us = 0;  // the operators of the float network that this one stands for; 0: none
  double one_thread_us = 0;
};

struct LayerTable {
  std::vector<LayerTime> layers;  // in execution order
  std::string backend;
  int threads = 1;
  double whole_us = 0;       // of the same runs
  double fp32_whole_us = 0;  // 0 without a float network
  double peak_gmacs = 0;     // of one core, 0 where it is not known
};

struct LayerSessions {
  Session* measured = nullptr;
  Session* one_thread = nullptr;  // nullptr where `measured` has one thread
  Session* fp32 = nullptr;        // nullptr without a float network
};

// `rounds` runs of each session in turn.
LayerTable time_layers(const LayerSessions& sessions, int rounds);
void print(const LayerTable& table);
// One sentence: the sums by kind of work, and what the best possible would be.
std::string where_text(const LayerTable& table);
nlohmann::json to_json(const LayerTable& table);

}  // namespace octet::tools
