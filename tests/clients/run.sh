#!/usr/bin/env bash
# Tests the official clients of OpenAI's, Ollama's and Anthropic's APIs and of MCP, Codex, and the
# OpenAPI document by Schemathesis, against the real program:
# tests/clients/run.sh PROGRAM FOLDER python|node|codex|schema [NAME | ARGUMENTS...]
# FOLDER keeps their packages. NAME: a part of the client's name, to run that alone. ARGUMENTS: of
# Schemathesis. Codex runs where CI or OKO_CODEX is set. Status 77: something is not there.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
usage="usage: tests/clients/run.sh PROGRAM FOLDER python|node|codex|schema [NAME | ARGUMENTS...]"
program="$(realpath "${1:?$usage}")"
folder="${2:?$usage}"
mkdir -p "$folder"
folder="$(realpath "$folder")"
skip() {
  echo "skipped: $1 is not installed; cmake/install_dependencies.sh checks installs it"
  exit 77
}
# packages/*.txt have hashes for these.
python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null ||
  skip "Python 3.11 to 3.14"
# In the name of a folder is what it is for, and it is in its place only when it is whole.
place_of() { echo "$folder/$1-$(cksum <"$2" | cut -d' ' -f1)"; }
python_packages() {
  local list="$here/packages/$1.txt" place
  place="$(place_of "$1-$(python3 -c 'import sys; print(*sys.version_info[:2], sep=".")')" "$list")"
  if [ ! -d "$place" ]; then
    rm -rf "$place.part"
    python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile \
      --root-user-action=ignore --only-binary=:all: --require-hashes --target "$place.part" \
      -r "$list"
    mv "$place.part" "$place"
  fi
  echo "$place"
}
node_packages() { # LANGUAGE, and the folder of its package.json
  local place
  place="$(place_of "$1" "$2/package-lock.json")"
  if [ ! -d "$place" ]; then
    rm -rf "$place.part"
    mkdir "$place.part"
    cp "$2"/package.json "$2"/package-lock.json "$place.part"
    (cd "$place.part" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error) >&2
    mv "$place.part" "$place"
  fi
  echo "$place"
}
language="${3:?$usage}"
shift 3
if [ "$language" = codex ] && [ -z "${CI:-}${OKO_CODEX:-}" ]; then
  echo "skipped: Codex is a download of 172 MB; OKO_CODEX=1 runs its tests"
  exit 77
fi
if [ "$language" = node ] || [ "$language" = codex ]; then
  command -v node >/dev/null || skip "Node.js"
  command -v npm >/dev/null || skip "npm"
fi
if [ "$language" = node ]; then
  packages=("$(node_packages node "$here")")
  cp "$here"/*.mjs "${packages[0]}" # Node.js looks for packages beside the sources
elif [ "$language" = codex ]; then
  packages=("$(node_packages codex "$here/codex")")
else
  python3 -m pip --version >/dev/null 2>&1 || skip "pip"
fi
if [ "$language" = schema ]; then
  packages=("$(python_packages schemathesis)")
elif [ "$language" = python ]; then
  today="$(python_packages today)"
  packages=("$today" "$(python_packages earlier):$today")
fi
export PYTHONPYCACHEPREFIX="$folder/bytecode"
exec python3 -s "$here/clients_test.py" "$program" "$language" "${packages[@]}" -- "$@"
