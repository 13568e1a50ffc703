#!/usr/bin/env bash
# Tests the page in Chromium against the real program: tests/web/run.sh PROGRAM FOLDER [SCRIPT]
# FOLDER keeps the packages of package.json. With screenshots.mjs as SCRIPT it gets pictures of the
# page, and those of the READMEs; first_paint.mjs tells how soon the page is there. Status 77:
# something is not there.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
program="$(realpath "${1:?usage: tests/web/run.sh PROGRAM FOLDER}")"
folder="${2:?usage: tests/web/run.sh PROGRAM FOLDER [SCRIPT]}"
skip() {
  echo "skipped: $1 is not installed; cmake/install_dependencies.sh checks installs it"
  exit 77
}
command -v node >/dev/null || skip "Node.js"
command -v npm >/dev/null || skip "npm"
browser=""
for each in "${OKO_CHROMIUM:-}" chromium chromium-browser google-chrome \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
  "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
  [ -z "$browser" ] && [ -n "$each" ] && browser="$(command -v "$each" || true)"
done
[ -n "$browser" ] || skip "Chromium"

mkdir -p "$folder"
cp "$here"/package.json "$here"/package-lock.json "$folder"
if ! cmp -s "$folder/package-lock.json" "$folder/installed.json"; then
  (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
  cp "$folder/package-lock.json" "$folder/installed.json"
fi
cp "$here"/*.mjs "$folder" # Node.js looks for packages beside the sources
cd "$folder"
exec node "${3:-page_test.mjs}" "$program" "$(dirname "$(dirname "$here")")" "$browser"
