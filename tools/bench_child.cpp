// SPDX-License-Identifier: Apache-2.0
// A variant in a child process: `octet step` answers each line with the time of one run.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "tools/bench_variant.h"

namespace octet::tools {
namespace {

class ChildVariant final : public Variant {
 public:
  ChildVariant(pid_t child, FILE* to, FILE* from) : child_(child), to_(to), from_(from) {}
  ~ChildVariant() override {
    std::fclose(to_);  // its input ends, and so does it
    std::fclose(from_);
    waitpid(child_, nullptr, 0);
  }
  double run_ms() override {
    std::fputc('\n', to_);
    std::fflush(to_);
    return read_number();
  }
  // 0 at the end of what the child says.
  double read_number() {
    double number = 0;
    return std::fscanf(from_, "%lf", &number) == 1 ? number : 0;
  }

 private:
  pid_t child_;
  FILE *to_, *from_;
};

// The environment with one variable more.
std::vector<std::string> environment_with(const std::string& assignment) {
  std::vector<std::string> variables{assignment};
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<VariantPtr> make_limited_variant(const std::string& model_file, int threads, const std::string& isa) {
  int input[2], output[2];
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) return Status::error("no pipe to a child process");
  std::vector<std::string> arguments{"octet", "step", model_file, "--threads", std::to_string(threads)};
  std::vector<std::string> variables = environment_with("ONEDNN_MAX_CPU_ISA=" + isa);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  pid_t child = 0;
  const int failed = posix_spawn(&child, "/proc/self/exe", &actions, nullptr, pointers_to(arguments).data(),
                                 pointers_to(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(input[0]);
  close(output[1]);
  if (failed != 0) {
    close(input[1]);
    close(output[0]);
    return Status::error("no child process for oneDNN limited to " + isa);
  }
  auto variant = std::make_unique<ChildVariant>(child, fdopen(input[1], "w"), fdopen(output[0], "r"));
  variant->precision = "fp32";
  variant->backend = "onednn " + isa;
  variant->threads = threads;
  variant->create_ms = variant->read_number();
  variant->first_ms = variant->read_number();
  variant->weight_bytes = static_cast<std::size_t>(variant->read_number());
  variant->arena_bytes = static_cast<std::size_t>(variant->read_number());
  if (variant->create_ms == 0)
    return Status::error(fmt::format("'{}' does not run with oneDNN limited to {}", model_file, isa));
  return VariantPtr(std::move(variant));
}

}  // namespace octet::tools
