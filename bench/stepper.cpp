// SPDX-License-Identifier: Apache-2.0
// Runs a model once per line on stdin and answers with the milliseconds it took: the octet side of
// bench/models.mjs, which alternates it with another runtime.
//   bench_stepper MODEL BACKEND THREADS [fixed|float]
#include <octet/octet.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  octet::SessionOptions options{.backend = argv[2], .threads = std::atoi(argv[3])};
  if (argc > 4 && std::string(argv[4]) == "float") options.requant = octet::RequantMode::floating;
  auto session = octet::Session::create(octet::Model::load(argv[1]).value(), options).value();
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    for (float& value : session.input<float>(i)) value = static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX);
  }
  session.run();
  char line[64];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    const auto start = std::chrono::steady_clock::now();
    session.run();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    std::printf("%.6f\n", time.count());
    std::fflush(stdout);
  }
}
