#!/usr/bin/env bash
# The figures of `oko describe` on this machine: bench/describe_figures.sh PROGRAM [FOLDER]
# FOLDER keeps the random 4B checkpoint (3.1 GB) between runs; without it a temporary one is used.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
program="${1:?usage: describe_figures.sh PROGRAM [FOLDER]}"
folder="${2:-}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
folder="${folder:-$scratch/qwen3-vl-4b}"
picture="$root/demo/images/$(ls "$root/demo/images" | grep -E '\.(png|jpg)$' | head -1)"

# In perl, which both systems have: date counts no nanoseconds on a Mac.
seconds_to_first_byte() {
  perl -MTime::HiRes=time -e '
    my $start = time;
    open(my $answer, "-|", @ARGV) or die "$ARGV[0]: $!\n";
    sysread($answer, my $byte, 1) or die "$ARGV[0] said nothing\n";
    printf "%.3f\n", time - $start;
    1 while sysread($answer, $byte, 65536);
    close($answer) or die "$ARGV[0] failed\n";' "$@" 2>"$scratch/errors" || { cat "$scratch/errors" >&2; return 1; }
}

echo "tiny model, process start to first byte of the answer (s), five runs:"
for _ in 1 2 3 4 5; do
  seconds_to_first_byte "$program" describe --model "$root/demo/models/tiny-vl" "$picture"
done

[ -e "$folder/config.json" ] || "$program" bench make-model qwen3-vl-4b --out "$folder" --quiet
cat "$folder/model.safetensors" >/dev/null  # into the page cache
echo "random 4B, one picture, 16 tokens:"
"$program" describe --model "$folder" --max-tokens 16 --max-pixels 1048576 --ocr off --json --stats "$picture"
