// SPDX-License-Identifier: Apache-2.0
// The backends that kernel tests loop over: every usable one of the build, so that a new one is
// covered without an edit, and two that only tests have.
#pragma once

#include <string>
#include <vector>

#include "kernels/microkernels.h"

namespace octet::test {

// From kernels/backend.h, each with all slots filled; a backend that this machine cannot run is
// reported as SKIPPED. Then:
//   scalar-s8    the scalar templates on s8 activations, as ARM uses them
//   saturating   a fast GEMM that saturates as vpmaddubsw does, with a widened exact one beside it
std::vector<kernels::Backend> test_backends();

kernels::Backend saturating_backend();

}  // namespace octet::test
