// SPDX-License-Identifier: Apache-2.0
// What this machine can execute. Compiled with baseline flags, outside any backend folder.
#pragma once

#include <cstdint>
#include <string>

namespace octet::kernels {

// CpuFeature bits of this CPU that its operating system also lets us use.
std::uint64_t cpu_features();

// "AVX2, FMA" for messages.
std::string describe_features(std::uint64_t bits);

}  // namespace octet::kernels
