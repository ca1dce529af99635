// SPDX-License-Identifier: Apache-2.0
// One way of running a network, ready to be timed in turn with others: a session in this process, or
// one in a child where oneDNN is held to a narrower instruction set (its limit is per process).
#pragma once

#include <octet/model.h>
#include <octet/session.h>
#include <octet/status.h>

#include <memory>
#include <string>
#include <vector>

namespace octet::tools {

class Variant {
 public:
  virtual ~Variant() = default;
  // Runs once more and returns how long that took.
  virtual double run_ms() = 0;

  std::string precision, backend;  // "int8", "avx2"
  int threads = 1;
  double create_ms = 0;  // Session::create
  double first_ms = 0;   // the first run
  std::size_t weight_bytes = 0, arena_bytes = 0;
  // Filled by alternate(): every timed run, and the best of each turn.
  std::vector<double> times_ms, turns_ms;
};

using VariantPtr = std::unique_ptr<Variant>;

// Reals in [0, 1) or any codes: latency must not hang on denormals or on a constant input.
void fill_inputs(Session& session);

Result<VariantPtr> make_variant(const Model& model, const SessionOptions& options);
// `octet step` on the file, with ONEDNN_MAX_CPU_ISA=`isa`. The backend is named "onednn <isa>".
Result<VariantPtr> make_limited_variant(const std::string& model_file, int threads, const std::string& isa);

// Runs each variant `runs` times, a few runs in turn: what slows the machine down for a while slows down all.
void alternate(std::vector<VariantPtr>& variants, int runs);
// Asks the system to let this process run before others; true if it does, which takes privileges. To be called
// before there are threads and children, which inherit it.
bool run_before_others();

}  // namespace octet::tools
