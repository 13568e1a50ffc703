#!/usr/bin/env bash
# run.sh OUT.json [--cpu-rehearsal]: the prepared check (tools/gpu_check.sh), on the GPU machine.
# --cpu-rehearsal: the same steps with small models on a CPU, to try the script; its figures mean
# nothing.
set -euo pipefail
dir=$(cd "$(dirname "$0")" && pwd)
fail() { echo "run.sh: $*" >&2; exit 2; }
[ $# = 1 ] || [ "$#:${2:-}" = 2:--cpu-rehearsal ] || fail "usage: run.sh OUT.json [--cpu-rehearsal]"

python3 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' ||
  fail "python3 is $(python3 --version), the packages are for 3.12"
export PYTHONPATH="$dir/site${PYTHONPATH:+:$PYTHONPATH}"
python3 -c 'import numpy, PIL, transformers' 2>/dev/null || PYTHONPATH+=":$dir/extra"

if [ $# = 1 ]; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >"$dir/card" ||
    fail "nvidia-smi finds no NVIDIA GPU; --cpu-rehearsal tries the script without one"
  mlx="$dir/mlx-cuda"
  # MLX looks for CUDA's libraries and headers in a folder nvidia next to its own.
  nvidia=$(python3 -c 'import glob, nvidia
print(next(path for path in nvidia.__path__ if glob.glob(path + "/*/lib")))' 2>/dev/null) ||
    fail "python3 has no packages nvidia-*, whose libraries MLX needs"
  ln -sfn "$nvidia" "$mlx/nvidia"
  export LD_LIBRARY_PATH="$mlx/mlx/lib:$(printf '%s:' "$nvidia"/*/lib)${LD_LIBRARY_PATH:-}"
  missing=$(ldd "$mlx/mlx/lib/libmlx.so" | grep 'not found') && fail "MLX needs: $missing"
else
  mlx="$dir/mlx-cpu"
  echo "no card: a rehearsal on a CPU" >"$dir/card"
  export LD_LIBRARY_PATH="$mlx/mlx/lib"
fi
exec python3 "$dir/measure.py" "$@"
