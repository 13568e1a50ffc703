#!/usr/bin/env bash
# Installs the missing system packages for a build of oko: apt on Debian and Ubuntu, brew on macOS.
# MLX itself comes as a wheel (cmake/mlx.cmake).
# install_dependencies.sh [program|checks]
# "program": packages for the program; "checks": for `make check`; otherwise for tests and
# benchmarks.
set -euo pipefail

debian=(g++ make cmake ninja-build pkg-config python3 python3-pip
  libfmt-dev nlohmann-json3-dev libcli11-dev libhwy-dev libvips-dev libutf8proc-dev
  libxxhash-dev libtesseract-dev libleptonica-dev tesseract-ocr-rus tesseract-ocr-eng
  libqpdf-dev zlib1g-dev libedit-dev libcurl4-openssl-dev libssl-dev
  libsqlite3-dev libstemmer-dev libxml2-dev libzip-dev libgmime-3.0-dev)
debian_tests=(libgtest-dev libbenchmark-dev
  clang gobjc libgnustep-base-dev file) # the last four: to check the code for Macs here
debian_checks=(
  clang-19 lld-19 libclang-rt-19-dev llvm-19 ccache # of the sanitizers and the Mac check
  default-jdk-headless maven) # for tests on OpenSearch
homebrew_tools=(cmake ninja pkg-config python3)
# zlib, libedit, libcurl, SQLite and libxml2 are the system's.
homebrew=(fmt nlohmann-json cli11 highway vips utf8proc xxhash qpdf snowball libzip gmime boost)
homebrew_tests=(googletest google-benchmark)
case ${1:-} in
  program) ;;
  "") debian+=("${debian_tests[@]}") homebrew+=("${homebrew_tests[@]}") ;;
  checks) debian+=("${debian_tests[@]}" "${debian_checks[@]}") homebrew+=("${homebrew_tests[@]}") ;;
  *) echo "usage: install_dependencies.sh [program|checks]" >&2; exit 2 ;;
esac

if [ "$(uname)" = Darwin ]; then
  if [ "$(uname -m)" != arm64 ]; then
    if [ "$(sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then
      echo "this shell runs under Rosetta, as a program for Intel Macs;" \
        "oko is built for arm64: arch -arm64 make ..." >&2
    else
      echo "oko needs Apple Silicon: MLX has no build for Intel Macs" >&2
    fi
    exit 1
  fi
  command -v brew >/dev/null || {
    echo "oko needs Homebrew (brew) to install its dependencies" >&2
    exit 1
  }
  prefix=$(brew --prefix) # the one question that brew answers at once
  if [ "$prefix" = /usr/local ]; then
    echo "this Homebrew ($prefix) installs libraries for Intel Macs;" \
      "oko needs that of /opt/homebrew (https://brew.sh)" >&2
    exit 1
  fi
  missing=()
  for tool in "${homebrew_tools[@]}"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
  # Aliases of formulas have a link there, too.
  for package in "${homebrew[@]}"; do [ -e "$prefix/opt/$package" ] || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] || brew install "${missing[@]}"
  exit 0
fi

# Debian 12's usual Boost is too old for coroutines.
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
  debian+=(libboost1.81-dev)
else
  debian+=(libboost-dev)
fi
command -v apt-get >/dev/null || {
  echo "oko installs its dependencies with apt (Debian, Ubuntu) or brew (macOS);" \
    "here, install by hand: ${debian[*]}" >&2
  exit 1
}
sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
is_installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
missing=()
for package in "${debian[@]}"; do is_installed "$package" || missing+=("$package"); done
# For tests of the page in a browser. Ubuntu has no package of Chromium. npm may be there without a
# package, with which Debian's would conflict.
if [ "${1:-}" = checks ]; then
  command -v npm >/dev/null || missing+=(nodejs npm)
  if grep -qs '^ID=debian' /etc/os-release && ! is_installed chromium; then
    missing+=(chromium)
  fi
fi
[ ${#missing[@]} -eq 0 ] || "${sudo[@]}" apt-get update -qq
# From Debian 13 and Ubuntu 23.04 on, libheif's decoders are packages of their own that libvips only
# recommends. apt knows them if it has its lists.
for package in libheif-plugin-libde265 libheif-plugin-dav1d; do
  if apt-cache show "$package" >/dev/null 2>&1; then
    is_installed "$package" || missing+=("$package")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "installing: ${missing[*]}"
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
