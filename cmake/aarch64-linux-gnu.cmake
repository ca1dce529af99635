# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler against the packages that cmake/arm64_sysroot.sh has unpacked. Programs run under
# qemu, which takes the CPU to play from QEMU_CPU: one build serves them all (test.sh).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(OCTET_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-sysroot CACHE PATH "Unpacked arm64 packages")
get_filename_component(octet_sysroot ${OCTET_SYSROOT} ABSOLUTE)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES OCTET_SYSROOT)

# Libraries and headers from the sysroot, programs (protoc of the same version, should one be asked for)
# from the machine that builds. The C library's own headers and start files are the cross compiler's.
set(CMAKE_FIND_ROOT_PATH ${octet_sysroot})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE BOTH)  # an installed octet lies outside
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${octet_sysroot}/usr/include)
# What a library of the sysroot itself needs is looked for there too.
foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS_INIT "-Wl,-rpath-link,${octet_sysroot}/usr/lib/aarch64-linux-gnu:${octet_sysroot}/lib/aarch64-linux-gnu")
endforeach()

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${octet_sysroot})
