#!/usr/bin/env bash
# Installs what BUILD has to $PREFIX (/usr/local), under $DESTDIR if that is set, in place of an
# earlier version; --remove: only removes that. With sudo where the user may not write.
# install.sh BUILD [--remove]
set -euo pipefail
build=${1:?usage: install.sh BUILD [--remove]}
prefix=${PREFIX:-/usr/local}
case $prefix in
  "~" | "~/"*) prefix=$HOME${prefix#"~"} ;; # as zsh leaves it in PREFIX=~/.local
  /*) ;;
  *) prefix=$PWD/$prefix ;;
esac

target=${DESTDIR:-}$prefix

can_write() {
  local folder=$1
  until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
  [ -w "$folder" ]
}
sudo=()
for folder in bin lib/oko share/oko share/doc/oko; do
  can_write "$target/$folder" || sudo=(sudo)
done

if [ -d "$target" ]; then
  (cd "$target" && ${sudo[@]+"${sudo[@]}"} rm -rf bin/oko lib/oko share/oko share/doc/oko \
    share/man/man1/oko{,-*}.1 share/man/ru/man1/oko{,-*}.1 share/zsh/site-functions/_oko \
    share/bash-completion/completions/oko share/fish/vendor_completions.d/oko.fish)
fi
[ "${2:-}" != --remove ] || exit 0

umask 022 # all users run it
rm -f "$build/install_manifest.txt" # which may be root's
${sudo[@]+"${sudo[@]}"} env DESTDIR="${DESTDIR:-}" \
  cmake --install "$build" --prefix "$prefix" --strip >"$build/install.log"
echo "installed: $target/bin/oko"
case :$PATH: in
  *":$prefix/bin:"*) ;;
  *) echo "to find it: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
