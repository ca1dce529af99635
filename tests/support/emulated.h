// SPDX-License-Identifier: Apache-2.0
// Under an emulator a test that takes seconds may take minutes. Each says what it leaves out.
#pragma once

#include "tests/support/catch.h"

namespace octet::test {

// True, with a visible SKIPPED line, where this program was built to run under an emulator.
inline bool skip_emulated([[maybe_unused]] const char* what) {
#if defined(OCTET_EMULATED)
  WARN("SKIPPED: " << what << ": not under an emulator");
  return true;
#else
  return false;
#endif
}

}  // namespace octet::test
