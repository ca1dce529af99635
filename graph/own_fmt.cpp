// SPDX-License-Identifier: Apache-2.0
// The part of fmt that is not in its headers, carried by the library itself: octet_runtime.so must not
// need a libfmt.so at run time. Compiling all sources with FMT_HEADER_ONLY would do the same at twice
// the build time. Compiled for size, vformat leaves the few functions it calls as functions, and the other
// objects find them here. (Unoptimised objects call more of fmt, and take it from libfmt; a test of the
// shared library says if optimised ones do.)
#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

#include <string>

namespace octet::graph {

// The address keeps it from being dropped.
using Format = std::string (*)(fmt::string_view, fmt::format_args);
extern const Format own_format;
constinit const Format own_format = fmt::vformat;

}  // namespace octet::graph
