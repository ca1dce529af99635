// SPDX-License-Identifier: Apache-2.0
/// OCTET_API marks what the shared library shows: everything else in it is hidden.
#pragma once

#if defined(__GNUC__)
#define OCTET_API __attribute__((visibility("default")))
#else
#define OCTET_API
#endif
