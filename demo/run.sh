#!/usr/bin/env bash
# Describes the pictures of demo/ in both languages: demo/run.sh PROGRAM
set -euo pipefail
demo="$(cd "$(dirname "$0")" && pwd)"
program="${1:?usage: demo/run.sh PROGRAM}"
cd "$demo/.."
for picture in demo/images/*.{jpg,png,webp}; do
  echo "$picture"
  for lang in en ru; do
    printf '  %s: ' "$lang"
    "$program" describe --model demo/models/tiny-vl --lang "$lang" "$picture"
  done
done
for page in demo/pages/*.png; do
  echo "$page"
  "$program" ocr "$page" | sed 's/^/  /'
done
