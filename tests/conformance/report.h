// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "tests/conformance/node_test.h"

namespace octet::conformance {

// docs/operators.md: every operator with its limits and how many of its node tests pass, then the tests that
// are refused, by name and with the reason.
std::string operators_page(std::span<const Outcome> outcomes);

}  // namespace octet::conformance
