// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tools/command.h"

namespace octet::tools {

void SessionFlags::add_to(CLI::App& command) {
  command.add_option("--backend", backend,
                     "backend to run on, a name from `octet backends` (default: OCTET_BACKEND, else the best)");
  command.add_option("--threads", threads, "threads (default: what affinity and cgroup quota allow)")
      ->check(CLI::Range(1, 1024));
  command.add_option("--requant", requant,
                     "how accumulators become codes: fixed (octet's own), float (as ONNX Runtime on x86), "
                     "float-qnnpack (as PyTorch's qnnpack)")
      ->check(CLI::IsMember({"fixed", "float", "float-qnnpack"}))
      ->capture_default_str();
}

SessionOptions SessionFlags::options() const {
  SessionOptions options;
  options.backend = backend;
  options.threads = threads;
  if (requant == "float") options.requant = RequantMode::floating;
  if (requant == "float-qnnpack") options.requant = RequantMode::floating_qnnpack;
  return options;
}

void JsonFlag::add_to(CLI::App& command) { command.add_option("--json", path, "also write the figures to this file"); }

Status JsonFlag::write(const nlohmann::json& document) const {
  if (path.empty()) return {};
  std::ofstream file(path);
  file << document.dump(2) << '\n';
  file.close();
  if (!file) return Status::error(fmt::format("cannot write '{}'", path));
  return {};
}

std::string engine_of(const Model& model, const Session& session) {
  return model.is_quantized() ? session.backend() : "onednn";
}

double now_ms() {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  return Milliseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(std::string what, std::int64_t total) : what_(std::move(what)), total_(total), started_(now_ms()) {}

void Progress::step() {
  ++done_;
  const double now = now_ms();
  if (now - started_ < 1000 || now - printed_ < 100 || isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r{} {}/{}", what_, done_, total_);
  std::fflush(stderr);
  printed_ = now;
  shown_ = true;
}

Progress::~Progress() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
}

std::string file_size_text(const std::string& path) {
  std::error_code code;
  const auto bytes = static_cast<double>(std::filesystem::file_size(path, code));
  return code ? "?" : bytes < 1e6 ? fmt::format("{:.1f} kB", bytes / 1e3) : fmt::format("{:.2f} MB", bytes / 1e6);
}

}  // namespace octet::tools
