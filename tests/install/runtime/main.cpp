// SPDX-License-Identifier: Apache-2.0
// Compiled with -fno-exceptions -fno-rtti: every failure is a Status. Usage: outside MODEL.octet
#include <octet/backend.h>
#include <octet/model.h>
#include <octet/session.h>

#include <cstdio>

namespace {

int fail(const octet::Status& status) {
  std::fprintf(stderr, "outside: %s\n", status.message().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const octet::Result<octet::Model> absent = octet::Model::open("no_such_file.octet");
  if (absent.ok() || absent.status().message().find("no_such_file.octet") == std::string::npos) return 3;

  octet::Result<octet::Model> model = octet::Model::open(argv[1]);
  if (!model.ok()) return fail(model.status());
  octet::SessionOptions options;
  options.backend = "abacus";
  if (octet::Session::create(*model, options).ok()) return 4;
  options.backend = "scalar";
  octet::Result<octet::Session> session = octet::Session::create(*model, options);
  if (!session.ok()) return fail(session.status());
  session->run();
  std::printf("%zu outputs on %s, %zu backends\n", session->outputs().size(), session->backend().c_str(),
              octet::backends().size());
}
