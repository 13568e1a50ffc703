#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) on the sources that changed in the last commit, or since $OKO_BASE;
# --all: on every one.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -DOUT=build/lint -P cmake/lint_tools.cmake
# For the compile commands of each source.
cmake --preset release -B build/lint/tree -DOKO_BATCH_SIZE=0 > /dev/null

changed_files() {
  local base
  if ! base=$(git rev-parse --quiet --verify "${OKO_BASE:-HEAD~1}"); then
    echo "clang-tidy: this checkout has no commit before the last one to compare with" >&2
    return
  fi
  git diff --name-only --diff-filter=d "$base" -- '*.cpp' '*.h'
}

# A header is checked with the source of its name, or else with one that includes it.
source_of() {
  local source=${1%.*}.cpp
  [ -f "$source" ] || source=$(git grep -lF "\"${1#src/}\"" -- '*.cpp' | head -n 1) || true
  [ -z "$source" ] || echo "$source"
}

sources() {
  if [ "${1:-}" = --all ]; then
    git ls-files '*.cpp'
  else
    changed_files | while read -r file; do source_of "$file"; done | sort -u
  fi
}

# Sources of other systems have no compile command here.
known=$(grep -o '"file": "[^"]*"' build/lint/tree/compile_commands.json | cut -d'"' -f4)
sources "$@" | while read -r file; do
  if grep -qxF "$PWD/$file" <<< "$known"; then echo "$file"; fi
done > build/lint/sources
echo "clang-tidy: $(wc -l < build/lint/sources) sources"
xargs -r -n 1 -P "$(getconf _NPROCESSORS_ONLN)" build/lint/clang-tidy -p build/lint/tree --quiet \
  < build/lint/sources 2> build/lint/statistics
