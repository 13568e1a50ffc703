#!/usr/bin/env bash
# Every check of a change; `make check` and .ci/run call it. All parts run, whatever fails, and the
# tests come last, so that the output ends with their summary.
set -uo pipefail
cd "$(dirname "$0")/../.."
failed=()
times=()

part() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@" || failed+=("$name")
  times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$name")")
}

sanitize() {
  cmake --preset sanitize && cmake --build --preset sanitize && ctest --preset sanitize -j "$cores"
}

threads() {
  cmake --preset tsan && cmake --build --preset tsan --target thread_tests && ctest --preset tsan -j "$cores"
}

cores=$(getconf _NPROCESSORS_ONLN)
part "dependencies" cmake/install_dependencies.sh checks
part "formatting" tools/check/format.sh --check
part "clang-tidy" tools/check/tidy.sh
part "AddressSanitizer and UndefinedBehaviorSanitizer" sanitize
part "ThreadSanitizer" threads
part "Mac" tools/mac/check.sh --strictest
echo "== times so far"
printf '%s\n' "${times[@]}"
part "tests" make test
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: $(printf '%s; ' "${failed[@]}")" >&2
  exit 1
fi
