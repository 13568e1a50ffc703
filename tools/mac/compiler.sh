#!/usr/bin/env bash
# compiler.sh COMPILER... -- ARGUMENTS: with OKO_SYNTAX_ONLY objects hold no code, which takes half the
# time. Unlike with -fsyntax-only alone, CMake and ccache get the file that they expect; ccache would
# not keep an empty one. Precompiled headers are made all the same.
set -euo pipefail
command=()
while [ "$1" != -- ]; do command+=("$1"); shift; done
shift
if [ -z "${OKO_SYNTAX_ONLY:-}" ] || [[ " $* " =~ " -E "|" -emit-pch " ]]; then exec "${command[@]}" "$@"; fi
object=''
while [ $# -gt 0 ]; do
  case $1 in
    -c) command+=(-fsyntax-only) ;;
    -o) object=$2; shift ;;
    *) command+=("$1") ;;
  esac
  shift
done
"${command[@]}"
[ -z "$object" ] || echo "syntax only" >"$object"
