#!/usr/bin/env bash
# What a GPU can tell about this checkout, in two stages of at most 190 s each, with a JSON record for each that is written after every row:
#   bash scripts/gpu_check.sh --check      is it right: kernels, training steps and tests against the CPU, compute-sanitizer, other libraries
#   bash scripts/gpu_check.sh --measure    how fast: training steps, kernels by events, tuning constants, beside what this card can do
#   [--only REGEX] rows whose name matches  [--budget SECONDS] a stage  [--out FOLDER] of the records [data/benchmarks, or $OUT]
# Without a stage, both. Needs python3 with numpy, scipy, numba, h5py, pytest and CuPy, and a GPU; no network, and nothing of the command
# line's other dependencies. Uses torch, JAX, pytest-timeout, compute-sanitizer and nvidia-smi where they are.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/gpu_check.py "$@"
