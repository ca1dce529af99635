# SPDX-License-Identifier: Apache-2.0
# Sourced by test.sh and demo.sh: makes sure that the Debian packages octet builds with are there.
# A newcomer needs nothing installed by hand; on another system the names are printed instead.

octet_packages="cmake ninja-build ccache g++ libdnnl-dev libbenchmark-dev catch2 libonnx-dev libprotobuf-dev
  protobuf-compiler libcpuinfo-dev libpthreadpool-dev libcli11-dev nlohmann-json3-dev libfmt-dev libonnx-testdata
  flatbuffers-compiler libflatbuffers-dev libstb-dev"

octet_install() {  # octet_install PACKAGE...: installs what is missing
  local missing="" package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Please install the equivalents of:$missing" >&2
    return 1
  fi
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  echo "installing:$missing"
  # Another installation may be under way: wait for it.
  local install="apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends"
  # Package lists are refreshed only when an install fails without: that keeps a second run fast.
  DEBIAN_FRONTEND=noninteractive $sudo $install $missing >/dev/null 2>&1 && return 0
  $sudo apt-get update >/dev/null
  DEBIAN_FRONTEND=noninteractive $sudo $install $missing >/dev/null
}

octet_require_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian. Please install the equivalents of: $octet_packages" >&2
    echo "then run: cmake --preset release && cmake --build build/release && ctest --test-dir build/release" >&2
    exit 1
  fi
  octet_install $octet_packages "$@"
}
