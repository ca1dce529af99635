// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/ledger.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
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
  command.add_option("--require-int8", require_int8,
                     "fail with a list if an operator whose name matches this pattern (* and ?) is not int8");
}

Status SessionFlags::check(const Session& session) const {
  return require_int8.empty() ? Status() : octet::require_int8(session, require_int8);
}

Status SessionFlags::check(const Model& model) const {
  if (require_int8.empty()) return {};
  const Result<Session> session = Session::create(model, options());
  return session.ok() ? check(*session) : session.status();
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
  if (model.is_quantized()) return session.backend();
  const bool onednn = std::ranges::any_of(session.ops(), [](const OpInfo& op) { return op.kernel.starts_with("onednn"); });
  return onednn ? "onednn" : "octet-fp32";
}

std::string cpu_name() {
  std::map<std::string, std::string> fields;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line) && !line.empty();) {  // the first processor's paragraph
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon + 2 > line.size()) continue;
    fields[line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1)] = line.substr(colon + 2);
  }
  if (fields.contains("model name")) {
    return fmt::format("{} (family {}, model {})", fields["model name"], fields["cpu family"], fields["model"]);
  }
  if (fields.contains("CPU part")) {
    return fmt::format("ARM (implementer {}, part {})", fields["CPU implementer"], fields["CPU part"]);
  }
  return "unknown CPU";
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
