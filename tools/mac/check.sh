#!/usr/bin/env bash
# Compiles every source that a Mac builds, with compilers, headers and availability like a Mac's,
# and links the program: check.sh [--self-test|--short]. docs/MAC.md says what that proves and what
# it does not. --self-test: only checks that it refuses code which a Mac refuses; the whole check
# does that first. --short: clang 19 for macOS 14.0, which refuses most, and clang 22 for the
# newest, which is linked, both in batches, as `make` compiles; CI has no time for more. The whole
# check compiles each source alone, too, and so finds what one forgets to include.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
deps=$root/build/deps work=$root/build/mac started=$SECONDS

if [ "$(uname)" = Darwin ]; then
  echo "the Mac check is for Linux; on a Mac the build itself is one"
  exit 0
fi
for tool in clang++-19 cmake ninja python3 pkg-config c++filt dpkg; do
  command -v $tool >/dev/null || {
    echo "tools/mac/check.sh needs $tool: cmake/install_dependencies.sh checks" >&2
    exit 1
  }
done
zig=$(cmake -DOKO_DEPS_DIR="$deps" -P tools/mac/fetch_zig.cmake 2>&1 | sed -n 's/^zig: //p')
[ -x "$zig" ] || { echo "zig could not be had" >&2; exit 1; }
export ZIG_GLOBAL_CACHE_DIR=$deps/zig-cache ZIG_LOCAL_CACHE_DIR=$deps/zig-cache
# For its first link zig compiles a libc++, which takes a minute of one core.
"$zig" c++ -O0 -target aarch64-macos.14.0 tools/mac/controls/no_such_function.cpp \
  -Wl,-undefined,dynamic_lookup -o /dev/null >/dev/null 2>&1 &

# Unpack only the headers: an installed package would replace those of other versions.
libcxx=$deps/libc++-19/usr/lib/llvm-19/include/c++/v1
if [ ! -d "$libcxx" ]; then
  fresh=$(mktemp -d "$deps/libc++-19.XXXXXX")
  (cd "$fresh" && apt-get download -qq libc++-19-dev && dpkg -x libc++-19-dev_*.deb . &&
    rm ./*.deb) ||
    { rm -rf "$fresh"; echo "libc++-19-dev could not be had: apt-get update" >&2; exit 1; }
  mv "$fresh" "$deps/libc++-19"
fi

# Debian's libc++ turns Apple's availability off; a Mac's has it on.
site=$deps/libc++-19/site
mkdir -p "$site"
sed '/_LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS/d' "$libcxx/__config_site" \
  >"$site/__config_site"

targets=(14.0 15.6 26.0) batch=0 # of clang 22; of clang 19
[ "${1:-}" != --short ] || targets=(26.0) batch=24

# Builds everything again if tools or libraries have changed; ccache keeps the valid objects.
versions=$({ clang++-19 --version; "$zig" version; cat tools/mac/compiler.sh; } | sha256sum)
key=$({ echo "$versions $batch"; dpkg-query -W
  cat tools/mac/*.* tests/ocr/apple/make_sdk.py tests/ocr/apple/declarations.json; } | sha256sum)
if [ "$(cat "$work/key" 2>/dev/null)" != "$key" ]; then
  rm -rf "$work"
  mkdir -p "$work/bin"
  printf '#!/bin/sh\necho "$OKO_MAC_TARGET"\n' >"$work/bin/sw_vers"
  # As on a Mac, the compiler knows where Apple's headers are.
  wrapper() {
    printf '#!/bin/sh\nexec %s %s -isystem %s -- "$@"\n' "$root/tools/mac/compiler.sh" "$2" \
      "$work/prefix/apple/include" >"$work/bin/$1"
  }
  wrapper clang19 clang-19
  wrapper clang19++ clang++-19
  wrapper clang22 "$zig clang"
  wrapper clang22++ "$zig clang --driver-mode=g++"
  # Of the executables only the program is linked, where its objects have code: no test runs here.
  cat >"$work/bin/link" <<'END'
#!/bin/sh
target=$1
shift
if [ "$target" = oko ] && [ -z "$OKO_SYNTAX_ONLY" ]; then exec "$@"; fi
: >"$target"
END
  chmod +x "$work"/bin/*
  python3 tools/mac/make_prefix.py "$work/prefix"
  python3 tests/ocr/apple/make_sdk.py tests/ocr/apple/declarations.json "$work/prefix/apple"
  echo "$key" >"$work/key"
fi
export PATH=$work/bin:$PATH
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_OBJCXX_COMPILER_LAUNCHER=ccache)
  export CCACHE_DEPEND=1 CCACHE_COMPILERTYPE=clang CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1
  export CCACHE_SLOPPINESS=pch_defines,time_macros # for precompiled headers
fi

# configure COMPILER TARGET OPTIONS...
configure() {
  export OKO_MAC_TARGET=$2 # for sw_vers
  [ -e "$work/$1-$2/build.ninja" ] || cmake -S . -B "$work/$1-$2" -G Ninja \
    -DCMAKE_TOOLCHAIN_FILE=tools/mac/toolchain.cmake -DCMAKE_BUILD_TYPE=Release \
    -DOKO_MAC_COMPILER="$1" -DOKO_MAC_TARGET="$2" -DOKO_MAC_WRAPPERS="$work/bin" \
    -DOKO_MAC_PREFIX="$work/prefix" -DOKO_MAC_LIBCXX="$libcxx" \
    -DOKO_MAC_LIBCXX_SITE="$site" -DOKO_ZIG="$zig" -DOKO_DEPS_DIR="$deps" ${launcher[@]+"${launcher[@]}"} "${@:3}" >"$work/$1-$2.log" 2>&1 ||
    { cat "$work/$1-$2.log"; rm -f "$work/$1-$2/build.ninja"; return 1; }
}

# build COMPILER SYSTEM GOAL: compiles, and prints only what fails.
build() {
  local folder=$work/$1-$2 before=$SECONDS
  export OKO_MAC_TARGET=$2
  if ! CCACHE_COMPILERCHECK="string:$1 ${OKO_SYNTAX_ONLY:-} $versions" \
    ninja -k 0 -C "$folder" "$3" >"$folder.log" 2>&1; then
    grep -vE '^(\[|ninja: Entering)' "$folder.log" | head -n 200
    echo "failed: $1, $2" >&2
    return 1
  fi
  local count
  count=$(ninja -C "$folder" -t commands "$3" | grep -c -- ' -c ')
  echo "compiled: $count sources or batches of '$3' with $1 for $2, $((SECONDS - before)) s"
}

# control COMPILER TARGET NAME [WORDS [FLAGS]]: controls/NAME.cpp must not compile, for the reason
# WORDS; without WORDS it must.
control() {
  local command words
  local source=$root/tools/mac/controls/$3.cpp
  command=$(python3 - "$work/$1-$2/compile_commands.json" "$source" <<'PYTHON'
import json, sys
entries = json.load(open(sys.argv[1]))
entry = next(e for e in entries if e["file"].endswith("src/image/resize.cpp"))
print(entry["command"].split(" -o ")[0].removeprefix("ccache "), "-fsyntax-only", sys.argv[2])
PYTHON
  )
  if words=$(eval "$command ${5:-}" 2>&1); then
    if [ -n "${4:-}" ]; then
      echo "control: $3 compiles with $1 for macOS $2; it must not" >&2
      return 1
    fi
  elif [ -z "${4:-}" ] || ! grep -qE "$4" <<<"$words"; then
    printf 'control: %s fails with %s for macOS %s for another reason:\n%s\n' \
      "$3" "$1" "$2" "$words" >&2
    return 1
  fi
}

configure clang19 14.0 -DOKO_BATCH_SIZE=$batch
control clang19 14.0 good
control clang19 14.0 jthread "no member named 'jthread'"
control clang19 14.0 stop_token "no type named 'stop_token'"
control clang19 14.0 from_chars_double "call to deleted function 'from_chars'"
control clang19 14.0 string_equals_json 'invalid operands to binary expression'
control clang19 14.0 to_chars_double
control clang19 14.0 to_chars_double "'to_chars' is unavailable: introduced in macOS 13" \
  "-target arm64-apple-macosx13.0"
control clang19 14.0 linux_header "'malloc.h' file not found"
for target in "${targets[@]}"; do
  batch=0
  [ "$target" != 26.0 ] || batch=24 # `make demo` compiles in batches, too
  configure clang22 "$target" -DOKO_BUILD_TESTS=OFF -DOKO_BUILD_BENCH=OFF -DOKO_BATCH_SIZE=$batch \
    "-DCMAKE_CXX_FLAGS_RELEASE=-O0 -DNDEBUG" # the code is linked, and never runs
  control clang22 "$target" good
  refusal=''
  [ "$target" = 26.0 ] || refusal="'from_chars' is unavailable: introduced in macOS 26.0"
  control clang22 "$target" from_chars_double "$refusal"
done
echo "controls: code that a Mac refuses is refused"
[ "${1:-}" != --self-test ] || exit 0

# Code takes as long as syntax and types, so only the batches, which are few, get it.
failed=0
OKO_SYNTAX_ONLY=1 build clang19 14.0 all || failed=1
for target in "${targets[@]}"; do
  [ "$target" = 26.0 ] || OKO_SYNTAX_ONLY=1 build clang22 "$target" all || failed=1
done
build clang22 26.0 all || failed=1
[ $failed -eq 0 ] || exit 1

program=$work/clang22-26.0/oko symbols=(python3 tools/mac/link_symbols.py)
# A control of the comparison: a function that libvips does not have.
stray=$work/no_such_function
"$zig" c++ -target aarch64-macos.14.0 -Wl,-undefined,dynamic_lookup \
  tools/mac/controls/no_such_function.cpp -o "$stray"
if "${symbols[@]}" "$stray" "$work/prefix" "$stray.txt" >"$stray.log" 2>&1 ||
  ! grep -q vips_no_such_function "$stray.log"; then
  echo "control: a function that no library has was found" >&2
  exit 1
fi
echo "linked against libmlx.dylib; symbols of other libraries, compared with those of this Linux:"
"${symbols[@]}" "$program" "$work/prefix" "$work/symbols.txt"
# Again, with nothing left open.
(cd "$work/clang22-26.0" && eval "$(ninja -t commands oko | tail -n 1 |
  sed "s/-Wl,-undefined,dynamic_lookup//; s/-o oko /-o oko-closed /" |
  sed "s|$work/prefix/lib|$work/prefix/linked|g")")
python3 tools/mac/macho.py "$work/clang22-26.0/oko-closed"
cat <<END
Proved: these sources compile with clang 19 and clang 22, with Apple's availability; the program's
symbols are there. Not proved: Apple's own SDK and compiler, Homebrew's versions of the
libraries, and that it runs (docs/MAC.md).
The Mac check took $((SECONDS - started)) s.
END
