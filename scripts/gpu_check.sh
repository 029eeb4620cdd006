#!/usr/bin/env bash
# Everything a GPU can tell about this checkout, in one go and one JSON record:
#   bash scripts/gpu_check.sh [--tests | --bench NAME] [--budget SECONDS] [--out FILE]
# Needs python3, numpy, scipy, h5py, pytest, CuPy and a GPU (numba for the CPU side of a few tests); no network, and none of the command
# line's dependencies. Installs the checkout into a temporary folder, runs all tests with backend=cuda, file by file, then all benchmarks,
# inside the budget (540 s), and writes the record after each item, so that a killed run leaves what it had.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" scripts/gpu_check.py "$@"
