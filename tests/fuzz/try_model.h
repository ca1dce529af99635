// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/backend.h>
#include <octet/model.h>
#include <octet/session.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

namespace octet::fuzz {

// Small enough for hundreds of inputs each second: a large model is no error, only slow.
inline constexpr std::size_t kArenaBytes = std::size_t{1} << 20;
inline constexpr double kMacs = 4e5;
inline ModelLimits small_limits() {
  ModelLimits limits;
  limits.max_constant_bytes = limits.max_computed_bytes = std::size_t{16} << 20;
  return limits;
}

inline const std::vector<std::string>& usable_backends() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> usable;
    for (const BackendInfo& backend : backends()) {
      if (backend.usable) usable.push_back(backend.name);
    }
    return usable;
  }();
  return names;
}

// Codes of every size; indices and floats stay small, so that they mean something.
inline void fill(Session& session) {
  std::uint32_t state = 9;
  const auto next = [&state] { return (state = state * 1664525U + 1013904223U) >> 24; };
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    for (float& x : session.input<float>(i)) x = static_cast<float>(next()) / 64 - 2;
    for (std::int64_t& x : session.input<std::int64_t>(i)) x = next() % 4;
    for (std::int32_t& x : session.input<std::int32_t>(i)) x = static_cast<std::int32_t>(next() % 4);
    for (bool& x : session.input<bool>(i)) x = next() % 2 != 0;
    for (std::uint8_t& x : session.input<std::uint8_t>(i)) x = static_cast<std::uint8_t>(next());
    for (std::int8_t& x : session.input<std::int8_t>(i)) x = static_cast<std::int8_t>(next());
  }
}

// A model is refused with a sentence, or prepared and run on every backend of this machine. With `must_agree`
// the int8 ones give the same bytes: a file may forge weights for one backend, an ONNX model has but one meaning.
inline void try_model(const Result<Model>& model, bool must_agree) {
  if (!model.ok()) {
    if (model.status().message().empty()) std::abort();
    return;
  }
  std::vector<std::vector<std::byte>> expected;
  for (const std::string& backend : usable_backends()) {
    SessionOptions options;
    options.threads = 1;
    options.backend = backend;
    options.max_arena_bytes = kArenaBytes;
    Result<Session> session = Session::create(*model, options);
    if (!session.ok()) {
      if (session.status().message().empty()) std::abort();
      continue;
    }
    double macs = 0;
    for (const OpInfo& op : session->ops()) macs += op.macs;
    if (macs > kMacs) return;
    fill(*session);
    session->run();
    if (!model->is_quantized()) return;  // float operators know no backends
    std::vector<std::vector<std::byte>> outputs;
    for (std::size_t i = 0; i < session->outputs().size(); ++i) {
      const std::span<const std::byte> bytes = session->output_bytes(i);
      outputs.emplace_back(bytes.begin(), bytes.end());
    }
    if (must_agree && !expected.empty() && outputs != expected) std::abort();
    expected = std::move(outputs);
  }
}

}  // namespace octet::fuzz
