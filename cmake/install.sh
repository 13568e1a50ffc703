#!/usr/bin/env bash
# Installs what BUILD has to $PREFIX (/usr/local), under $DESTDIR if that is set; with sudo where
# the user may not write: install.sh BUILD
set -euo pipefail
build=${1:?usage: install.sh BUILD}
prefix=${PREFIX:-/usr/local}
case $prefix in
  "~" | "~/"*) prefix=$HOME${prefix#"~"} ;; # as zsh leaves it in PREFIX=~/.local
  /*) ;;
  *) prefix=$PWD/$prefix ;;
esac

can_write() {
  local folder=$1
  until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
  [ -w "$folder" ]
}
sudo=()
for folder in bin lib/oko share/oko share/doc/oko; do
  can_write "${DESTDIR:-}$prefix/$folder" || sudo=(sudo)
done

umask 022 # all users run it
rm -f "$build/install_manifest.txt" # which may be root's
${sudo[@]+"${sudo[@]}"} env DESTDIR="${DESTDIR:-}" \
  cmake --install "$build" --prefix "$prefix" --strip >"$build/install.log"
echo "installed: ${DESTDIR:-}$prefix/bin/oko"
case :$PATH: in
  *":$prefix/bin:"*) ;;
  *) echo "to find it: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
