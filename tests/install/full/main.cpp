// SPDX-License-Identifier: Apache-2.0
#include <octet/octet.h>

#include <cstdio>

int main(int, char** argv) {
  auto session = octet::Session::create(octet::Model::load(argv[1]).value()).value();
  session.run();
  std::printf("%zu outputs on %s\n", session.outputs().size(), session.backend().c_str());
}
