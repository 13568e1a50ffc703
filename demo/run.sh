#!/usr/bin/env bash
# Describes the pictures of demo/ in both languages, reads a receipt, and asks all files questions in
# the other language: demo/run.sh PROGRAM
set -euo pipefail
demo="$(cd "$(dirname "$0")" && pwd)"
program="${1:?usage: demo/run.sh PROGRAM}"
cd "$demo/.."
describe() {
  echo "$1"
  for lang in en ru; do
    # The model was trained with up to 512 tokens of text that was read.
    "$program" describe --model demo/models/tiny-vl --lang "$lang" --ocr-tokens 512 "$1" |
      sed "s/^/  $lang: /"
  done
}
for picture in demo/images/*.{jpg,png,webp}; do describe "$picture"; done
for page in demo/pages/*.png; do
  describe "$page"
  echo "  oko ocr:"
  "$program" ocr "$page" | sed 's/^/    /'
done
library="$(mktemp -d)"
trap 'rm -r "$library"' EXIT
"$program" index demo/images demo/pages demo/texts --model demo/models/e5-small-ru-en \
  --library "$library/demo.db" --languages ru-RU,en-US
for question in "how much did the rye bread cost" "река" "как заклеить камеру"; do
  echo "oko search \"$question\""
  "$program" search "$question" -n 1 --library "$library/demo.db" | sed 's/^/  /'
done
echo "The same in a browser: $program serve --model demo/models/tiny-vl, then http://127.0.0.1:11435"
