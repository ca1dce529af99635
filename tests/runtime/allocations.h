// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace octet::test {

// Calls of operator new so far, in the whole program; -1 where a sanitizer owns operator new.
long allocations();

}  // namespace octet::test
