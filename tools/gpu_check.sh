#!/usr/bin/env bash
# The graph suite, and decode, prefill and pictures next to mlx-lm and mlx-vlm, on an NVIDIA GPU
# through MLX's CUDA library, in under 8 minutes. tools/gpu/README.md says how.
#   tools/gpu_check.sh prepare DIR [12|13]  builds and gathers everything (x86-64 Linux, network);
#                                           12 or 13 (default): CUDA of the GPU machine
#   tools/gpu_check.sh pack DIR             packs DIR into DIR.parts/, files of 56 MiB at most
#   DIR/run.sh OUT.json                     runs on the GPU machine, without a network
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
build="$root/build/release"
wheels="$root/build/gpu_check"
declare -A cuda_sha256=(
  [12]=f385c7af7c1f63a9d6ce3e442e1c9ba881c881bcb45c6534ff8155b359da47e5
  [13]=94cb48fba73e5ee39467e51c35c51c691123359ca17bafd1a24cf92ad6732bee)

fail() { echo "gpu_check: $*" >&2; exit 1; }

build_programs() {
  (cd "$root" && cmake --preset release && cmake --build --preset release --target oko graph_tests)
  (cd "$root" && ctest --preset release -L '^graph$' --show-only=json-v1) >"$dir/tests.json"
  mapfile -t tests < <(grep -o "$build/tests/[^\"]*_test\"" "$dir/tests.json" | tr -d '"' | sort -u)
  [ ${#tests[@]} -gt 0 ] || fail "ctest lists no test with the label graph"
  cp "$build/oko" "${tests[@]}" "$dir/bin/"
  strip "$dir"/bin/*
}

# The programs' libraries, without MLX's and those that the GPU machine's own libraries need in its
# own version.
copy_libraries() {
  local own='^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|stdc\+\+|gcc_s|mlx))\.so'
  ldd "$dir"/bin/* | awk '$2 == "=>" { print $1, $3 }' | sort -u | while read -r name path; do
    [[ $name =~ $own || $path == "$root"/* ]] || cp -L "$path" "$dir/lib/$name"
  done
}

# Wheels for Python 3.12, the GPU machine's.
fetch() {
  python3 -m pip download --quiet --disable-pip-version-check --only-binary=:all: \
    --python-version 3.12 --implementation cp --platform manylinux_2_35_x86_64 \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --dest "$wheels" "$@"
}

unpack() {  # unpack FOLDER WHEEL...
  python3 -c 'import sys, zipfile
for wheel in sys.argv[2:]: zipfile.ZipFile(wheel).extractall(sys.argv[1])' "$@"
}

copy_python_packages() {
  local mlx lm vlm others
  mlx=$(sed -n 's/^set(OKO_MLX_VERSION \(.*\))/\1/p' "$root"/cmake/*.cmake)
  lm=$(sed -n 's/^MLX_LM_VERSION=.*:-\(.*\)}"/\1/p' "$root/bench/peers/env.sh")
  vlm=$(sed -n 's/^MLX_VLM_VERSION=.*:-\(.*\)}"/\1/p' "$root/bench/peers/env.sh")
  mkdir -p "$wheels"
  local wheel="$wheels/mlx_cuda_$cuda-$mlx-py3-none-manylinux_2_35_x86_64.whl"
  [ -e "$wheel" ] || fetch --no-deps "mlx-cuda-$cuda==$mlx"
  echo "${cuda_sha256[$cuda]}  $wheel" | sha256sum --check --quiet
  fetch --no-deps "mlx==$mlx" "mlx-vlm==$vlm"
  fetch "mlx-lm==$lm" pillow
  unpack "$dir/mlx-cuda" "$wheel"
  mkdir -p "$dir/mlx-cpu/mlx"
  cp -r "$root/build/deps/mlx-cpu-$mlx/mlx/lib" "$dir/mlx-cpu/mlx/"
  cp -r "$root/build/deps/mlx-cpu-$mlx/mlx_cpu.libs" "$dir/mlx-cpu/"
  unpack "$dir/site" "$wheels"/mlx{-"$mlx",_lm-"$lm",_vlm-"$vlm"}-*.whl
  mapfile -t others < <(find "$wheels" -name '*.whl' ! -name 'mlx*')
  unpack "$dir/extra" "${others[@]}"
}

names_of() { nm -D "$@" | awk '{ print $NF }' | sort -u; }

# A program built with MLX's CPU library runs with the CUDA one if LD_LIBRARY_PATH comes before its
# own path (RUNPATH, not RPATH) and the other library has every symbol that it takes from MLX.
check_libraries() {
  local kind program missing symbols=$dir/symbols
  for kind in cpu cuda; do
    names_of --defined-only "$dir/mlx-$kind/mlx/lib/libmlx.so" >"$symbols.$kind"
  done
  for program in "$dir"/bin/*; do
    readelf -d "$program" | grep -q RPATH && fail "$program has an RPATH"
    names_of --undefined-only "$program" | comm -12 - "$symbols.cpu" >"$symbols.taken"
    [ -s "$symbols.taken" ] || fail "$program takes nothing from MLX"
    missing=$(comm -23 "$symbols.taken" "$symbols.cuda" | c++filt)
    [ -z "$missing" ] || fail "MLX's CUDA library lacks what $program needs: $missing"
    echo "${program##*/}: all $(wc -l <"$symbols.taken") symbols of MLX are in its CUDA library"
  done
  rm "$symbols".*
}

prepare() {
  dir=$1 cuda=${2:-13}
  [ -n "${cuda_sha256[$cuda]:-}" ] || fail "CUDA is $cuda, expected 12 or 13"
  [ ! -e "$dir" ] || fail "$dir exists"
  mkdir -p "$dir"/{bin,lib,site,extra,source}
  dir=$(cd "$dir" && pwd)
  build_programs
  copy_libraries
  copy_python_packages
  check_libraries
  (cd "$root" && git ls-files -z demo tests | tar -c --null -T - | tar -x -C "$dir/source")
  cp "$root"/tools/gpu/{run.sh,measure.py} "$root/bench/peers/mlx_checkpoint.py" "$dir/"
  commit=$(git -C "$root" describe --always --dirty)
  printf '{"commit": "%s", "source": "%s"}\n' "$commit" "$root" >"$dir/bundle.json"
  du -sh "$dir"
}

compress() { xz -T0 -6 | split -b 56M - "$1"; }

# Two archives: the second one has Python packages that most machines with PyTorch have.
pack() {
  dir=$1
  mkdir -p "$dir.parts"
  rm -f "$dir.parts"/*
  tar -C "$dir" --exclude=./mlx-cpu --exclude=./extra -c . | compress "$dir.parts/check.tar.xz."
  tar -C "$dir" -c ./extra | compress "$dir.parts/extra.tar.xz."
  du -b "$dir.parts"/*
}

case "${1:-} $#" in
  'prepare 2' | 'prepare 3') prepare "${@:2}" ;;
  'pack 2') pack "$2" ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
