// SPDX-License-Identifier: Apache-2.0
#include "tools/bench_variant.h"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <thread>

#include "tools/command.h"

namespace octet::tools {
namespace {

class SessionVariant final : public Variant {
 public:
  explicit SessionVariant(Session session) : session_(std::move(session)) {}
  double run_ms() override {
    const double start = now_ms();
    session_.run();
    return now_ms() - start;
  }

 private:
  Session session_;
};

}  // namespace

void fill_inputs(Session& session) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    if (session.inputs()[i].dtype == DType::f32) {
      for (float& value : session.input<float>(i)) value = static_cast<float>(random() >> 8) * 0x1p-24F;
    } else if (size_of(session.inputs()[i].dtype) == 1) {
      for (std::byte& value : session.input_bytes(i)) value = static_cast<std::byte>(random() >> 24);
    }  // indices stay 0, which is valid for every table
  }
}

Result<VariantPtr> make_variant(const Model& model, const SessionOptions& options) {
  const double start = now_ms();
  Result<Session> session = Session::create(model, options);
  if (!session.ok()) return session.status();
  const double create_ms = now_ms() - start;
  fill_inputs(*session);
  const std::string engine = engine_of(model, *session);
  const int threads = session->threads();
  const std::size_t weights = session->weight_bytes(), arena = session->arena_bytes();
  VariantPtr variant = std::make_unique<SessionVariant>(std::move(*session));
  variant->precision = model.is_quantized() ? "int8" : "fp32";
  variant->backend = engine;
  variant->threads = threads;
  variant->create_ms = create_ms;
  variant->weight_bytes = weights;
  variant->arena_bytes = arena;
  variant->first_ms = variant->run_ms();
  return variant;
}

void alternate(std::vector<VariantPtr>& variants, int runs) {
  // Other work interrupts long runs more often than short ones: the fp32 ones, whose medians then tell of too large a
  // speed-up. Of three runs one is mostly left alone.
  constexpr int kRunsPerTurn = 3;
  Progress progress("running", runs);
  for (int left = runs; left > 0; left -= kRunsPerTurn) {
    for (const VariantPtr& variant : variants) {
      // Thread pools spin for a while after a run, on the cores that the next variant's threads need: let
      // them fall asleep. Then a run that does not count: caches hold what the variant before left there.
      if (variant->threads > 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      variant->run_ms();
      variant->turns_ms.push_back(std::numeric_limits<double>::max());
      for (int run = 0; run < std::min(left, kRunsPerTurn); ++run) {
        variant->times_ms.push_back(variant->run_ms());
        variant->turns_ms.back() = std::min(variant->turns_ms.back(), variant->times_ms.back());
      }
    }
    for (int run = 0; run < std::min(left, kRunsPerTurn); ++run) progress.step();
  }
}

bool run_before_others() { return setpriority(PRIO_PROCESS, 0, -20) == 0; }

}  // namespace octet::tools
