// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer where there is none: runs a target on files, and on seeded mutations of them.
// Usage: replay_<target> ROUNDS FILE...
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = std::atoi(argv[1]);
  std::mt19937 random(17);
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const std::vector<char> chars(std::istreambuf_iterator<char>(file), {});
    const std::vector<std::uint8_t> original(chars.begin(), chars.end());
    if (original.empty()) {
      std::fprintf(stderr, "cannot read '%s'\n", argv[i]);
      return 1;
    }
    LLVMFuzzerTestOneInput(original.data(), original.size());
    for (int round = 0; round < rounds; ++round) {
      std::vector<std::uint8_t> bytes = original;
      for (unsigned n = 1 + random() % 6; n > 0; --n) {
        std::uint8_t& byte = bytes[random() % bytes.size()];
        byte = random() % 4 == 0 ? std::uint8_t{255} : static_cast<std::uint8_t>(random());
      }
      if (random() % 8 == 0) bytes.resize(random() % bytes.size());
      LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
  }
  std::printf("%d mutations of each of %d files\n", rounds, argc - 2);
}
