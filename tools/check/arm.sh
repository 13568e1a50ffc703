#!/usr/bin/env bash
# The kernels' tests for Arm on a Linux of x86: tools/check/arm.sh [TEST...]
# Debian's g++-aarch64-linux-gnu compiles them with Debian's Highway and GoogleTest for arm64, which
# come to build/arm without a change of the system; qemu-aarch64 (package qemu-user) runs them with
# a processor that has products of bytes, dotprod and i8mm, and with one that has neither.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(matmul attention byte_attention row_ops softmax top_k
  dense_scan token_codes)
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
  command -v "$tool" >/dev/null && continue
  echo "$tool is missing: apt install g++-aarch64-linux-gnu qemu-user" >&2
  exit 1
done
out=$PWD/build/arm
root=$out/root/usr
if [ ! -e "$root/include/gtest" ] || [ ! -e "$root/include/hwy" ]; then
  mkdir -p "$out"/apt/lists/partial "$out"/apt/cache/archives/partial "$out/root"
  apt=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$out/apt/lists"
    -o Dir::State::status=/dev/null -o Dir::Cache="$out/apt/cache")
  apt-get "${apt[@]}" update
  (cd "$out/apt" && apt-get "${apt[@]}" download libhwy1 libhwy-dev libgtest-dev)
  for package in "$out"/apt/*.deb; do dpkg -x "$package" "$out/root"; done
fi

targets=$(grep -o 'HWY_DISABLED_TARGETS=[^"]*' src/tensor/CMakeLists.txt)
flags=(-O2 -std=c++20 -DNDEBUG -DFMT_HEADER_ONLY -DHWY_SHARED_DEFINE -DHWY_WANT_AVX3_DL "-D$targets"
  -DOKO_EMULATED -DOKO_SANITIZED=1 # as slow: fewer repetitions
  -isystem "$root/include" -Isrc -I.)
launcher=${CMAKE_CXX_COMPILER_LAUNCHER:-}
kernels=(src/base/core_count_linux.cpp src/base/error.cpp src/base/heap_linux.cpp
  src/base/localized_text.cpp src/tensor/cpu/amx_none.cpp
  src/tensor/cpu/arm_dot.cpp src/tensor/cpu/arm_dot_linux.cpp src/tensor/cpu/thread_pool.cpp
  tests/support/main.cpp tests/tensor/amx_emulator_none.cpp)
for name in attention byte_attention integer_matmul kv_rows matmul row_ops softmax top_k; do
  kernels+=("src/tensor/cpu/$name.cpp")
done
for name in dense_scan max_sim rotation token_codes token_rounding vector_codes; do
  kernels+=("src/index/$name.cpp")
done

compile() { # SOURCE: an object whose name is its path
  local object=$out/$(tr / _ <<<"$1").o
  [ "$object" -nt "$1" ] &&
    [ -z "$(find src/{base,index,tensor} tests/{index,support,tensor} -newer "$object" \
      -name '*.h')" ] ||
    $launcher aarch64-linux-gnu-g++ "${flags[@]}" -c "$1" -o "$object"
}
export -f compile
export out launcher
sources=("${kernels[@]}")
for name in "${tests[@]}"; do sources+=(tests/*/"${name}_test.cpp"); done
# Arrays are not exported: the flags go along as arguments.
printf '%s\0' "${sources[@]}" |
  xargs -0 -P "$(getconf _NPROCESSORS_ONLN)" -I{} bash -euc \
    'source=$1; shift; flags=("$@"); compile "$source"' compile {} "${flags[@]}"

objects=()
for source in "${kernels[@]}"; do objects+=("$out/$(tr / _ <<<"$source").o"); done
for name in "${tests[@]}"; do
  aarch64-linux-gnu-g++ "$out"/tests_*_"${name}_test.cpp.o" "${objects[@]}" \
    -o "$out/${name}_test" -L"$root/lib/aarch64-linux-gnu" -lgtest -lhwy -pthread
done
export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
for name in "${tests[@]}"; do
  for processor in max cortex-a72; do # the second has neither dotprod nor i8mm
    echo "== ${name}_test on $processor"
    qemu-aarch64 -cpu "$processor" -E LD_LIBRARY_PATH="$root/lib/aarch64-linux-gnu" \
      "$out/${name}_test" --gtest_brief=1
  done
done
