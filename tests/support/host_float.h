// SPDX-License-Identifier: Apache-2.0
// The float control register as a host program may have left it: what must not reach a network.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace octet::test {

#if defined(__SSE2__)
constexpr std::uint64_t kFlushDenormals = 0x8040;  // FTZ | DAZ
inline std::uint64_t float_control() { return _mm_getcsr() & ~0x3FU; }  // all but the sticky exception flags
inline void set_float_control(std::uint64_t control) { _mm_setcsr(static_cast<unsigned>(control)); }
#elif defined(__aarch64__)
constexpr std::uint64_t kFlushDenormals = 1U << 24 | 1U << 25;  // FZ, and DN: one NaN for all
inline std::uint64_t float_control() {
  std::uint64_t control;
  __asm__ volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
inline void set_float_control(std::uint64_t control) { __asm__ volatile("msr fpcr, %0" : : "r"(control)); }
#endif

}  // namespace octet::test
