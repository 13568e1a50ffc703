#!/usr/bin/env bash
# Every check of a change; `make check` and .ci/run call it. All parts run, even after a failure.
# The tests come last, so that the output ends with their summary, and then the status of each
# failed part.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
times=()
logs=build/check/logs
mkdir -p "$logs"

part() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@" 2>&1 | tee "$logs/$name.log" || failed+=("$name")
  times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$name")")
}

# clang compiles the kernels with sanitizers five times as fast as gcc, and gcc makes the release.
# lld links a test in half to a third of GNU ld's time. Not for gcc: both FDEs of an empty function
# and of the next one begin at one address, and lld's table may find the empty one for an exception.
clang=(-DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19
  -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld -DCMAKE_COMPILE_WARNING_AS_ERROR=ON)
[ "$(uname)" != Darwin ] || clang=() # Apple's is the only one there
# Sanitizers look for this name only, and their reports have no lines without it.
mkdir -p build/check/bin
ln -sf /usr/lib/llvm-19/bin/llvm-symbolizer build/check/bin/

# sanitize PRESET TARGET
sanitize() {
  cmake --preset "$1" ${clang[@]+"${clang[@]}"} && cmake --build --preset "$1" --target "$2" &&
    PATH=$PWD/build/check/bin:$PATH ctest --preset "$1" -j $((cores + 1)) # some tests wait
}

cores=$(getconf _NPROCESSORS_ONLN)
part "dependencies" cmake/install_dependencies.sh checks
part "formatting" tools/check/format.sh --check
part "clang-tidy" tools/check/tidy.sh
part "AddressSanitizer and UndefinedBehaviorSanitizer" sanitize sanitize all
part "ThreadSanitizer" sanitize tsan thread_tests
part "Mac" tools/mac/check.sh --short
part "build of the tests" make everything
echo "== times so far"
printf '%s\n' "${times[@]}"
OKO_MAC_CHECKED=1 part "tests" make test # what the Mac check has compiled stays out
for name in ${failed[@]+"${failed[@]}"}; do
  printf '\n== failed: %s; its last lines:\n' "$name" >&2
  tail -n 40 "$logs/$name.log" >&2
done
[ ${#failed[@]} -eq 0 ]
