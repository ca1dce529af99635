// SPDX-License-Identifier: Apache-2.0
// test_conformance FOLDER [--write PAGE | --check PAGE] [--verbose]
// Runs every ONNX node test below FOLDER. Exit status 0: each one passes or is refused with a reason, and PAGE is
// what this run would write; 1: not so; 77: FOLDER is not there.
#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <string_view>

#include "tests/conformance/report.h"

namespace {

using octet::conformance::Outcome;

constexpr int kSkipped = 77;  // what CTest is told to report as skipped

int usage() {
  fmt::print(stderr, "usage: test_conformance FOLDER [--write PAGE | --check PAGE] [--verbose]\n");
  return 2;
}

int summarize(const std::vector<Outcome>& outcomes, bool verbose) {
  int passed = 0, refused = 0, failed = 0;
  for (const Outcome& outcome : outcomes) {
    passed += outcome.kind == Outcome::Kind::passed;
    refused += outcome.kind == Outcome::Kind::refused;
    if (outcome.kind == Outcome::Kind::refused && verbose) fmt::print("refused {}: {}\n", outcome.name, outcome.detail);
    if (outcome.kind != Outcome::Kind::failed) continue;
    ++failed;
    fmt::print("FAILED {}: {}\n", outcome.name, outcome.detail);
  }
  fmt::print("{} node tests: {} passed, {} refused, {} failed\n", outcomes.size(), passed, refused, failed);
  return failed == 0 ? 0 : 1;
}

bool is_up_to_date(const std::string& page, const std::string& text) {
  std::ifstream file(page);
  std::ostringstream content;
  content << file.rdbuf();
  if (content.str() == text) return true;
  fmt::print("{} is out of date: run this program again with --write\n", page);
  return false;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return usage();
  const std::filesystem::path folder = arguments[1];
  std::string_view mode;
  std::string page;
  bool verbose = false;
  for (int index = 2; index < count; ++index) {
    const std::string_view argument = arguments[index];
    if (argument == "--verbose") {
      verbose = true;
    } else if ((argument == "--write" || argument == "--check") && index + 1 < count) {
      mode = argument;
      page = arguments[++index];
    } else {
      return usage();
    }
  }
  if (!std::filesystem::is_directory(folder)) {
    fmt::print("SKIPPED: {} is not here\n", folder.string());
    return kSkipped;
  }
  std::vector<Outcome> outcomes;
  for (const auto& test : octet::conformance::find_node_tests(folder))
    outcomes.push_back(octet::conformance::run_node_test(test));
  int status = summarize(outcomes, verbose);
  if (mode.empty()) return status;
  const std::string text = octet::conformance::operators_page(outcomes);
  if (mode == "--write") std::ofstream(page) << text;
  if (mode == "--check" && !is_up_to_date(page, text)) status = 1;
  return status;
}
