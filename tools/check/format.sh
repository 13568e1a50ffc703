#!/usr/bin/env bash
# Formats the C++ of the repository; --check only lists what is not formatted, and fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -DOUT=build/lint -P cmake/lint_tools.cmake
action=(-i)
[ "${1:-}" != --check ] || action=(--dry-run --Werror)
git ls-files '*.cpp' '*.h' '*.mm' | xargs build/lint/clang-format "${action[@]}"
