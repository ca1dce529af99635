// SPDX-License-Identifier: Apache-2.0
// What the subcommands share: one function adds each to the command line and leaves behind the job
// that runs if the user chose it.
#pragma once

#include <octet/model.h>
#include <octet/session.h>
#include <octet/status.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace octet::tools {

using Job = std::function<Status()>;

void add_run(CLI::App& app, Job& job);
void add_quantize(CLI::App& app, Job& job);
void add_eval(CLI::App& app, Job& job);
void add_bench(CLI::App& app, Job& job);
void add_inspect(CLI::App& app, Job& job);
void add_backends(CLI::App& app, Job& job);
void add_compile(CLI::App& app, Job& job);
void add_compare(CLI::App& app, Job& job);
void add_explain(CLI::App& app, Job& job);
void add_report(CLI::App& app, Job& job);
void add_step(CLI::App& app, Job& job);

// --backend, --threads, --requant, --require-int8: how a session is made.
struct SessionFlags {
  std::string backend;
  int threads = 0;
  std::string requant = "fixed";
  std::string require_int8;  // a pattern; empty: float operators are welcome

  void add_to(CLI::App& command);
  SessionOptions options() const;
  // An error that lists the operators which are not int8 although --require-int8 asks for it.
  Status check(const Session& session) const;
  Status check(const Model& model) const;  // for commands whose sessions are made elsewhere
};

// --json FILE
struct JsonFlag {
  std::string path;
  void add_to(CLI::App& command);
  // Writes `document` if the flag was given.
  Status write(const nlohmann::json& document) const;
};

// "12/100" on a terminal for jobs of over a second; silent otherwise.
class Progress {
 public:
  Progress(std::string what, std::int64_t total);
  ~Progress();
  void step();

 private:
  std::string what_;
  std::int64_t total_, done_ = 0;
  double started_, printed_ = 0;
  bool shown_ = false;
};

// What computes this session: its backend; for an all-float model "onednn", or "octet-fp32" where oneDNN
// does none of its operators (a build without it).
std::string engine_of(const Model& model, const Session& session);

// The CPU's name, family and model, as far as the system tells: it stands beside every figure.
std::string cpu_name();
double now_ms();
std::string file_size_text(const std::string& path);

}  // namespace octet::tools
