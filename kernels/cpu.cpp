// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu.h"

#include <cpuinfo.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include "kernels/microkernels.h"

namespace octet::kernels {
namespace {

#if defined(__x86_64__)
// cpuinfo of Debian 12 does not know AVX-VNNI: CPUID(7,1).EAX bit 4. The OS side is AVX2's.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return cpuinfo_has_x86_avx2() && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & (1U << 4)) != 0;
}

std::uint64_t read_features() {
  std::uint64_t bits = 0;
  if (cpuinfo_has_x86_avx2()) bits |= kCpuAvx2;
  if (cpuinfo_has_x86_fma3()) bits |= kCpuFma;
  if (has_avx_vnni()) bits |= kCpuAvxVnni;
  if (cpuinfo_has_x86_avx512f() && cpuinfo_has_x86_avx512bw() && cpuinfo_has_x86_avx512dq() &&
      cpuinfo_has_x86_avx512vl()) {
    bits |= kCpuAvx512;
    if (cpuinfo_has_x86_avx512vnni()) bits |= kCpuAvx512Vnni;
    if (cpuinfo_has_x86_avx512vbmi()) bits |= kCpuAvx512Vbmi;
  }
  return bits;
}
#elif defined(__aarch64__)
// i8mm is AT_HWCAP2 bit 13; Debian 12's cpuinfo does not know it.
std::uint64_t read_features() {
  std::uint64_t bits = kCpuNeon;
  if (cpuinfo_has_arm_neon_dot()) bits |= kCpuDotprod;
  if ((getauxval(AT_HWCAP2) & (1UL << 13)) != 0) bits |= kCpuI8mm;
  return bits;
}
#else
std::uint64_t read_features() { return 0; }
#endif

struct Name {
  std::uint64_t bit;
  const char* text;
};
constexpr Name kNames[] = {{kCpuAvx2, "AVX2"},
                           {kCpuFma, "FMA"},
                           {kCpuAvxVnni, "AVX-VNNI"},
                           {kCpuAvx512, "AVX-512 F/BW/DQ/VL"},
                           {kCpuAvx512Vnni, "AVX-512 VNNI"},
                           {kCpuAvx512Vbmi, "AVX-512 VBMI"},
                           {kCpuNeon, "NEON"},
                           {kCpuDotprod, "dot product"},
                           {kCpuI8mm, "i8mm"}};

}  // namespace

std::uint64_t cpu_features() {
  static const std::uint64_t bits = cpuinfo_initialize() ? read_features() : 0;
  return bits;
}

std::string describe_features(std::uint64_t bits) {
  std::string text;
  for (const Name& name : kNames) {
    if ((bits & name.bit) == 0) continue;
    if (!text.empty()) text += ", ";
    text += name.text;
  }
  return text;
}

}  // namespace octet::kernels
