#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cmake/arm64_sysroot.sh DIRECTORY: fills a directory with the arm64 packages that octet builds and runs with.
# They are downloaded and unpacked, never installed: the -dev packages of two architectures do not all fit on
# one system, and installing one removes the other. apt gets lists of its own and no word about architectures
# is written to the system. The C library's headers come with the cross compiler.
set -euo pipefail

packages="libc6 libgcc-s1 libstdc++6 zlib1g libfmt9 libfmt-dev libcpuinfo0 libcpuinfo-dev libpthreadpool0
  libpthreadpool-dev libprotobuf32 libprotobuf-dev libonnx1 libonnx-dev catch2 libcli11-dev nlohmann-json3-dev
  libstb-dev"

root=${1:?usage: arm64_sysroot.sh DIRECTORY}
mkdir -p "$root"
root=$(cd "$root" && pwd)
stamp="$root/packages"
[ "$(cat "$stamp" 2>/dev/null)" = "$packages" ] && exit 0

apt="$root/apt"
rm -rf "$apt"  # of a run that was interrupted
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
: >"$apt/status"
options=(-qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
  -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache")
# A source without arm64 is no obstacle; a package that stays unknown is, one line on.
apt-get "${options[@]}" update >"$apt/log" 2>&1 || true
(cd "$apt/debs" && apt-get "${options[@]}" download $packages) >>"$apt/log" 2>&1 || {
  tail -5 "$apt/log" >&2
  echo "arm64_sysroot.sh: these packages could not all be downloaded for arm64: $packages" >&2
  exit 1
}
for deb in "$apt"/debs/*.deb; do
  dpkg -x "$deb" "$root"
done
rm -r "$apt"
echo "$packages" >"$stamp"
