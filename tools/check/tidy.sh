#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) on the sources that the last commit touches, or those since
# $OKO_BASE; with --all on every one.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -DOUT=build/lint -P cmake/lint_tools.cmake
cmake --preset release > /dev/null # for the compile commands

changed_files() {
  if [ -z "${OKO_BASE:-}" ] && ! git rev-parse --quiet --verify HEAD~1 > /dev/null; then
    echo "clang-tidy: this checkout has no commit before the last one to compare with" >&2
    return
  fi
  git diff --name-only --diff-filter=d "${OKO_BASE:-HEAD~1}" -- '*.cpp' '*.h'
}

# A header is checked with the source of its name; other headers with whoever includes them.
sources() {
  if [ "${1:-}" = --all ]; then
    git ls-files '*.cpp'
  else
    changed_files | sed 's/\.h$/.cpp/' | sort -u | while read -r file; do
      [ ! -f "$file" ] || echo "$file"
    done
  fi
}

# Sources of other systems have no compile command here.
known=$(grep -o '"file": "[^"]*"' build/release/compile_commands.json | cut -d'"' -f4)
sources "$@" | while read -r file; do
  if grep -qxF "$PWD/$file" <<< "$known"; then echo "$file"; fi
done > build/lint/sources
echo "clang-tidy: $(wc -l < build/lint/sources) sources"
xargs -r -n 1 -P "$(getconf _NPROCESSORS_ONLN)" build/lint/clang-tidy -p build/release --quiet \
  < build/lint/sources 2> build/lint/statistics
